import type { Json } from './json.js';
import type { Random } from './random.js';
import type { Decision, Enlistment, LedBranch, Resolution } from './led.branch.js';
import type { Actor, BranchError, BranchOp, Refusal, Saga } from './saga.state.js';

/** What a participant answered, or what became of asking it. */
export type BranchReply =
  | { readonly outcome: 'done'; readonly output: Json; readonly enlistment?: Enlistment | undefined }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  /** The confirm has taken effect; or, where there is nothing to confirm, the decision is known. */
  | { readonly outcome: 'confirmed' }
  /** Asked to confirm, and there is no such effect: no row, or one that somebody else's call has made. */
  | { readonly outcome: 'lost'; readonly message: string }
  /** The compensation has taken effect, or the action never had one. */
  | { readonly outcome: 'undone'; readonly wasEmpty: boolean }
  /** The action came after its undo and did nothing. */
  | { readonly outcome: 'already-undone' }
  | { readonly outcome: 'closed' }
  | { readonly outcome: 'not-yet'; readonly retryAfterMs: number }
  | { readonly outcome: 'unknown'; readonly error: BranchError };

export interface ReplyEvent {
  readonly type: 'reply';
  readonly branchId: string;
  readonly op: BranchOp;
  readonly round: number;
  readonly attempt: number;
  readonly reply: BranchReply;
}

export type OperatorAct =
  /** Asks again at once: all branches that wait or are stuck, or just one. */
  | (Actor & { readonly type: 'retry'; readonly branchId?: string | undefined })
  /** `force` gives up what an earlier skip began: the participant's word that the branch cannot take effect later. */
  | (Actor & { readonly type: 'skip'; readonly branchId: string; readonly force?: boolean | undefined })
  | (Actor & { readonly type: 'abort' })
  | (Actor & { readonly type: 'pause' })
  | (Actor & { readonly type: 'resume' })
  /** Decides a led transaction that its log cannot judge any more. */
  | (Actor & Resolution & { readonly type: 'resolve' });

export type SagaEvent =
  /** The plan is durable, and this driver was the one to accept it. */
  | { readonly type: 'start' }
  /**
   * This driver took the row over: its version is raised, and what was sent before is not known. If it did so for an
   * act, that comes before any step.
   */
  | { readonly type: 'claim'; readonly by: string; readonly act?: OperatorAct | undefined }
  | { readonly type: 'tick' }
  /** An instance of a service has come: what could not be reached there is asked again now. */
  | { readonly type: 'reachable'; readonly service: string }
  /** Branches of a led transaction are registered before it is decided. */
  | { readonly type: 'enlist'; readonly branches: readonly LedBranch[] }
  /** The initiator decides a led transaction that was registered. */
  | { readonly type: 'decide'; readonly decision: Decision }
  | ReplyEvent
  | OperatorAct;

/** Sends an op to the participant of a branch. Every send is at least once; the barrier makes it one effect. */
export interface CallCommand {
  readonly type: 'call';
  readonly branchId: string;
  readonly op: BranchOp;
  readonly round: number;
  readonly attempt: number;
  /** The action's input. The end of a branch carries it only to endpoints that keep no barrier. */
  readonly input?: Json | undefined;
  /** The action's output, for the end of a branch at an endpoint without a barrier, where it is known. */
  readonly output?: Json | undefined;
}

/**
 * When the new state must be on disk.
 *
 * `lazy`: some time; the participants' barriers can tell it again. `first`: before the commands are carried out.
 * `end`: before anybody is told the outcome.
 */
export type Durability = 'lazy' | 'first' | 'end';

export interface Transition {
  readonly saga: Saga;
  readonly commands: readonly CallCommand[];
  readonly durability: Durability;
}

export interface Moment {
  /** The log's time in ms since 1970. */
  readonly now: number;
  readonly random: Random;
  /** The present life of the log, as far as it is known. */
  readonly epoch?: number | undefined;
}
