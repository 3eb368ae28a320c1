import type { LedBranch, RegisteredBelow } from '@atone/core';
import type { BranchCommand, LedContext } from '@atone/protocol';

/** A command of a led transaction: it tells who leads, and what its initiator's secret hashes to. */
export type LedCommand = BranchCommand & { readonly led: LedContext };

/** What the calls of one execution have enlisted, as its answer tells it. */
export interface Enlisted {
  readonly below: readonly LedBranch[];
  readonly registered: readonly RegisteredBelow[];
}

/** The calls that one execution of a branch makes. */
export interface RunScope {
  /**
   * Returns what the calls have enlisted, in the order in which they were answered.
   *
   * @throws MisuseError when calls are still in flight: nobody would know whether their branches belong to the answer.
   */
  collect(): Promise<Enlisted>;
}

/** Gives each execution of a branch a scope of its own, with a run that no other execution shares. */
export interface LedRuntime {
  /** Runs `work` inside a scope for an execution of the branch that `command` names. `onCall` is told of each call before it is made. */
  run<Result>(
    command: LedCommand,
    work: (scope: RunScope) => Promise<Result>,
    onCall?: () => void,
  ): Promise<Result>;
}
