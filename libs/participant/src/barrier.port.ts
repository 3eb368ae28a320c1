import type { BranchKind, BranchReply, Json } from '@atone/core';
import type { LedContext } from '@atone/protocol';
import type { Enlisted } from './led/scope.port.js';

/** Which branch a command is about, and what its service calls it. */
export interface BarrierCall {
  readonly gid: string;
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  readonly round: number;
}

/** How the branch of a led transaction is ended, and when to ask whether it is decided. */
export interface LedTerms extends LedContext {
  readonly kind: BranchKind;
  /** Stays in the row that is first written with it, so that a branch whose row was lost is told apart. */
  readonly nonce: string;
  /** Until the deadline of the transaction. */
  readonly remainingMs: number;
}

export interface ActionCall extends BarrierCall {
  readonly input: Json | undefined;
  /** Absent in a plan. */
  readonly led?: LedTerms | undefined;
  /** It was sent long ago: its transaction may have ended since without a mark that says so. */
  readonly isLate?: boolean | undefined;
}

/** What names the one effect that is to be confirmed. */
export interface ConfirmCall extends BarrierCall {
  readonly nonce: string | undefined;
  readonly secretHash: string | undefined;
}

/** What an action has answered. */
export interface ActionResult {
  readonly output: Json;
  /** What its calls have enlisted, in a led transaction. */
  readonly enlisted?: Enlisted | undefined;
}

/** What the barrier remembers of an action that took effect. */
export interface StoredAction {
  readonly input: Json | undefined;
  readonly output: Json;
}

/**
 * Makes at most one effect of whatever repeats, overlaps or comes in the wrong order.
 *
 * Every method answers from what is stored, or runs the handler and stores its answer in the same transaction. They
 * throw what kept them from an answer; then nothing is stored, unless the commit itself went unanswered.
 */
export interface Barrier<Transaction> {
  /** Runs `handler` unless an earlier answer, or an undo, stands against it. A RefusedError is stored as the answer. */
  act(call: ActionCall, handler: (transaction: Transaction) => Promise<ActionResult>): Promise<BranchReply>;
  /**
   * Makes definite what the action did, and runs `handler` if it was a try. It stores nothing where that very effect is not
   * there (any more), and never acknowledges it.
   */
  confirm(
    call: ConfirmCall,
    handler: (transaction: Transaction, stored: StoredAction) => Promise<void>,
  ): Promise<BranchReply>;
  /** Runs `handler` if the action took effect and was not undone; in any case the action can never run again. */
  undo(
    call: BarrierCall,
    handler: (transaction: Transaction, stored: StoredAction) => Promise<void>,
  ): Promise<BranchReply>;
  /** Stores a refusal for the round where no answer is stored, so that only a later round can run. */
  closeAction(call: BarrierCall): Promise<BranchReply>;
  /** Stores a refusal of the confirm for the round, so that only a later round can run. */
  closeConfirm(call: ConfirmCall): Promise<BranchReply>;
  /** Stores a refusal of the compensation for the round, so that only a later round can run. */
  closeUndo(call: BarrierCall): Promise<BranchReply>;
}
