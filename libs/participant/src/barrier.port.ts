import type { BranchReply, Json } from '@atone/core';

/** Which branch a command is about, and what its service calls it. */
export interface BarrierCall {
  readonly gid: string;
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  readonly round: number;
}

export interface ActionCall extends BarrierCall {
  readonly input: Json | undefined;
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
  act(call: ActionCall, handler: (transaction: Transaction) => Promise<Json>): Promise<BranchReply>;
  /** Runs `handler` if the action took effect and was not undone; in any case the action can never run again. */
  undo(
    call: BarrierCall,
    handler: (transaction: Transaction, stored: StoredAction) => Promise<void>,
  ): Promise<BranchReply>;
  /** Stores a refusal for the round where no answer is stored, so that only a later round can run. */
  closeAction(call: BarrierCall): Promise<BranchReply>;
  /** Stores a refusal of the compensation for the round, so that only a later round can run. */
  closeUndo(call: BarrierCall): Promise<BranchReply>;
}
