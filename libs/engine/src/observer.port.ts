import { outcomeOf, type Saga } from '@atone/core';
import type { Verdict } from '@atone/protocol';

/** `saga`: accepted with its plan; `led`: its initiator makes the calls. */
export type TransactionKind = 'saga' | 'led';

/** A transaction that has ended. */
export interface Ending {
  readonly kind: TransactionKind;
  readonly outcome: 'committed' | 'aborted';
  /** From its acceptance by the log, which for a led one is its first row. */
  readonly durationMs: number;
}

/**
 * Is told what happens at an engine, in order to be counted. Called where transactions pass by the thousand: it must return at
 * once, and not throw. What happened is durable by then, and told once by the instance at which it happened.
 */
export interface EngineObserver {
  /** The log holds one transaction more. */
  accepted(kind: TransactionKind): void;
  ended(ending: Ending): void;
  /** A transaction that moved by itself now waits for an operator. */
  gotStuck(reason: string): void;
  /** A transaction that nobody drove, or whose driver has no lease any more, is driven here from now on. */
  takenOver(): void;
  /** Something new was turned away, because the house is full. */
  overloaded(): void;
  /** Participants in doubt were told something. */
  judged(verdicts: readonly Verdict[]): void;
}

/** Returns what an observer is told of a transaction that has ended. */
export function endingOf({ state, plan, acceptedAt, endedAt = acceptedAt }: Saga): Ending {
  return {
    kind: plan.led === undefined ? 'saga' : 'led',
    outcome: outcomeOf(state) === 'committed' ? 'committed' : 'aborted',
    durationMs: Math.max(0, endedAt - acceptedAt),
  };
}
