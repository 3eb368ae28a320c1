import type { Doubt, Verdict } from '@atone/protocol';

/** Tells what was decided about branches in doubt. The client of the coordinator does. */
export interface TransactionDoubts {
  /**
   * Asks what to do with branches whose deadline has passed, at most 200 of them, and returns the verdicts. To ask may
   * decide: a transaction of which the coordinator knows nothing is aborted by it.
   *
   * @throws when there is no answer. Then nothing must be done.
   */
  ask(doubts: readonly Doubt[]): Promise<readonly Verdict[]>;
}
