import type { Ending } from '@atone/protocol';

/** Tells which transactions have ended. The client of the coordinator does. */
export interface TransactionEndings {
  /**
   * Tells of each of `gids` whether it has ended, as the log of the coordinator has it at a moment after the call. Of those
   * that the log does not hold it tells nothing.
   *
   * @throws when there is no answer.
   */
  endings(gids: readonly string[]): Promise<readonly Ending[]>;
}
