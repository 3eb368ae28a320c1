import type { Json } from './json.js';
import { planIndex } from './plan.graph.js';
import type { Plan, PlanStep } from './plan.js';
import { DEFAULT_RETRY, type RetryPolicy } from './retry.js';

/** What the coordinator asks of a participant. To close a round is to store a refusal for it where nothing is stored. */
export type BranchOp =
  'action' | 'confirm' | 'compensate' | 'close-action' | 'close-confirm' | 'close-compensate';

/** `active`: a led transaction that is undecided; `running`: an orchestrated one. */
export type SagaState = 'active' | 'running' | 'committing' | 'aborting' | 'committed' | 'aborted';

export type Outcome = 'undecided' | 'committed' | 'aborted';

export type BranchState =
  | 'pending'
  | 'calling'
  | 'done'
  | 'refused'
  | 'unknown'
  | 'confirming'
  | 'confirmed'
  | 'compensating'
  | 'compensated'
  | 'skipped';

/** Why only an operator can move a branch, or the transaction as a whole. */
export type StuckReason =
  | 'participant-down'
  | 'refused'
  | 'unknown-outcome'
  | 'bad-payload'
  | 'code'
  | 'code-gone'
  | 'branch-lost'
  | 'mixed'
  | 'log-restored';

/**
 * What kept an attempt from ending in yes or no.
 *
 * `code` and `bad-payload` would go wrong again in the same way and are not retried; all else is.
 */
export type BranchErrorClass = 'unreachable' | 'timeout' | 'error' | 'code' | 'bad-payload' | 'action-gone';

export interface BranchError {
  readonly class: BranchErrorClass;
  readonly message: string;
}

export interface Refusal {
  readonly reason: string;
  readonly details?: Json;
  /** Whether the no is kept where a repeat will find it. If not, the branch is undone like an unknown one. */
  readonly isStored: boolean;
}

export interface Stuck {
  readonly reason: StuckReason;
  readonly message: string;
  readonly since: number;
}

export interface Actor {
  readonly by: string;
  readonly reason: string;
}

/** One participant's part. The field that changes with every attempt is the saga's, never the plan's. */
export interface Branch {
  readonly branchId: string;
  readonly state: BranchState;
  /** The round of the action; rises only by `onRefusal: 'retry'` or by an operator. */
  readonly round: number;
  /** The round of the undo, or of the confirm: a branch has only one of them. */
  readonly undoRound: number;
  /** Attempts in the op and round that are under way, counted before the call. */
  readonly attempt: number;
  readonly isInFlight: boolean;
  /** In flight: when the reply is given up. Else: when to send again. */
  readonly dueAt?: number | undefined;
  /** Whether an action was sent, as far as this driver or a durable row knows; from an abort on: may have been sent. */
  readonly wasSent: boolean;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  readonly output?: Json | undefined;
  readonly refusal?: Refusal | undefined;
  readonly lastError?: (BranchError & { readonly at: number }) | undefined;
  readonly stuck?: Stuck | undefined;
  /** An operator's wish to skip, until the participant has closed the round. */
  readonly closing?: Actor | undefined;
  /** Whether the round under way may be closed at the barrier, so that only a new one can run. */
  readonly mayBeClosed?: boolean | undefined;
  readonly skip?: (Actor & { readonly op: 'action' | 'confirm' | 'compensate' }) | undefined;
}

export interface AbortReason {
  readonly code: 'refused' | 'deadline' | 'attempts' | 'operator' | 'initiator' | 'presumed';
  readonly message: string;
  readonly branchId?: string | undefined;
}

/** What happened, for people. `what` is a short event name; the rest names its circumstances. */
export interface HistoryEntry {
  readonly at: number;
  readonly what: string;
  readonly branchId?: string | undefined;
  readonly round?: number | undefined;
  readonly attempt?: number | undefined;
  readonly by?: string | undefined;
  readonly message?: string | undefined;
}

export interface Saga {
  readonly gid: string;
  readonly plan: Plan;
  readonly state: SagaState;
  /**
   * `unbroken`: this driver has held the transaction since its acceptance and knows all that was sent.
   * `broken`: another driver may have sent anything, so an abort must undo whatever is not surely refused.
   */
  readonly memory: 'unbroken' | 'broken';
  readonly acceptedAt: number;
  readonly deadlineAt?: number | undefined;
  readonly endedAt?: number | undefined;
  readonly abort?: AbortReason | undefined;
  /** Why only an operator can move it, where that is no matter of a single branch. */
  readonly stuck?: Stuck | undefined;
  readonly paused?: (Actor & { readonly since: number }) | undefined;
  /** Who has decided it, where its log could not judge it any more. */
  readonly resolved?: Actor | undefined;
  /** In the order of the plan's steps. */
  readonly branches: readonly Branch[];
  readonly history: readonly HistoryEntry[];
  readonly historyDroppedCount: number;
}

/** Returns the saga of a plan that is about to be accepted. Nothing has been sent. */
export function newSaga(start: {
  readonly gid: string;
  readonly plan: Plan;
  readonly acceptedAt: number;
  readonly deadlineAt?: number | undefined;
}): Saga {
  const { gid, plan, acceptedAt, deadlineAt } = start;
  return {
    gid,
    plan,
    state: 'running',
    memory: 'unbroken',
    acceptedAt,
    deadlineAt,
    endedAt: undefined,
    abort: undefined,
    stuck: undefined,
    paused: undefined,
    resolved: undefined,
    branches: plan.steps.map(({ branchId }) => newBranch(branchId)),
    history: [{ at: acceptedAt, what: 'accepted' }],
    historyDroppedCount: 0,
  };
}

/**
 * Returns a branch of which nothing is known yet, with all of its fields: an object that grows by them later is a hundred
 * times as dear to copy as one that keeps its shape, and each event copies some.
 */
export function newBranch(branchId: string): Branch {
  return {
    branchId,
    state: 'pending',
    round: 1,
    undoRound: 1,
    attempt: 0,
    isInFlight: false,
    dueAt: undefined,
    wasSent: false,
    startedAt: undefined,
    endedAt: undefined,
    output: undefined,
    refusal: undefined,
    lastError: undefined,
    stuck: undefined,
    closing: undefined,
    mayBeClosed: undefined,
    skip: undefined,
  };
}

/** Returns what the state says about the one decision. */
export function outcomeOf(state: SagaState): Outcome {
  switch (state) {
    case 'active':
    case 'running':
      return 'undecided';
    case 'committing':
    case 'committed':
      return 'committed';
    case 'aborting':
    case 'aborted':
      return 'aborted';
  }
}

export function isEnded(saga: Saga): boolean {
  return saga.state === 'committed' || saga.state === 'aborted';
}

/** Returns why the saga waits for an operator: by itself, or by the oldest of its stuck branches. */
export function stuckOf(saga: Saga): (Stuck & { readonly branchId?: string }) | undefined {
  if (saga.stuck !== undefined) {
    return saga.stuck;
  }
  let oldest: (Stuck & { readonly branchId: string }) | undefined;
  for (const { stuck, branchId } of saga.branches) {
    if (stuck !== undefined && (oldest === undefined || stuck.since < oldest.since)) {
      oldest = { ...stuck, branchId };
    }
  }
  return oldest;
}

/** Tells whether the outcome may still become abort by a deadline, an operator or a lack of attempts. */
export function isAbortable(saga: Saga): boolean {
  if (saga.state !== 'running') {
    return saga.state === 'active';
  }
  const position = planIndex(saga.plan.steps).pivot;
  const pivot = position === undefined ? undefined : saga.branches[position];
  return pivot === undefined || !pivot.wasSent || pivot.state === 'refused';
}

/** Tells whether the saga aborts by itself when its deadline passes, as things stand. */
export function hasDeadline(saga: Saga): boolean {
  return saga.paused === undefined && saga.stuck === undefined && isAbortable(saga);
}

export function stepOf(saga: Saga, branchId: string): PlanStep {
  const step = saga.plan.steps[positionOf(saga, branchId)];
  if (step === undefined) {
    throw new Error(`Transaction ${saga.gid} has no step ${branchId}.`);
  }
  return step;
}

export function branchOf(saga: Saga, branchId: string): Branch {
  const branch = saga.branches[positionOf(saga, branchId)];
  if (branch === undefined) {
    throw new Error(`Transaction ${saga.gid} has no branch ${branchId}.`);
  }
  return branch;
}

/** Returns where the branch stands in the plan, or -1 when the plan has no such step. */
export function positionOf(saga: Saga, branchId: string): number {
  return planIndex(saga.plan.steps).positions.get(branchId) ?? -1;
}

/** Tells whether those that come after the branch need not wait for it any more. */
export function isPassed(branch: Branch): boolean {
  return branch.state === 'done' || branch.state === 'skipped';
}

/** Tells whether all that the branch comes after is passed. */
export function isReady(saga: Saga, branchId: string): boolean {
  return stepOf(saga, branchId).after.every((name) => isPassed(branchOf(saga, name)));
}

/** Tells whether the decision is being brought to the branch. */
export function isEnding({ state }: Branch): boolean {
  return state === 'confirming' || state === 'compensating';
}

/**
 * Tells whether an operator has skipped the undo of a branch, and its participant has let an attempt to close the round go
 * unanswered. So it stays when those attempts are out, until a retry takes the skip back.
 */
export function isLeftUnanswered({ state, mayBeClosed, attempt, isInFlight }: Branch): boolean {
  return state === 'compensating' && mayBeClosed === true && attempt > (isInFlight ? 1 : 0);
}

/** Tells whether a branch waits for its next attempt because nobody could be reached at its service. */
export function awaitsService(saga: Saga, branch: Branch, service: string): boolean {
  const { state, isInFlight, dueAt, lastError, branchId } = branch;
  const isWaiting = !isInFlight && dueAt !== undefined && (state === 'unknown' || isEnding(branch));
  return isWaiting && lastError?.class === 'unreachable' && stepOf(saga, branchId).service === service;
}

/** Tells whether the action under way is not asked again, because its undo follows and covers the case that it ran. */
export function isForgone(saga: Saga, branch: Branch): boolean {
  return saga.state === 'aborting' && !isEnding(branch);
}

/** Tells whether the attempts that the policy grants for what is under way are used up. */
export function isSpent(saga: Saga, branch: Branch): boolean {
  const policy = retryOf(saga, stepOf(saga, branch.branchId));
  const countMax = isEnding(branch) ? policy.undoAttemptCountMax : policy.attemptCountMax;
  return branch.attempt >= countMax;
}

/** Returns the policy for a step: what the step says, else what the plan says, else the default. */
export function retryOf(saga: Saga, step: PlanStep): RetryPolicy {
  const isDefault = saga.plan.retry === undefined && step.retry === undefined;
  return isDefault ? DEFAULT_RETRY : { ...DEFAULT_RETRY, ...saga.plan.retry, ...step.retry };
}

/** Returns when something is to be done if no event comes before, or undefined when only an event can move the saga. */
export function nextDueAt(saga: Saga): number | undefined {
  let due = saga.deadlineAt !== undefined && hasDeadline(saga) ? saga.deadlineAt : Number.POSITIVE_INFINITY;
  for (const { isInFlight, dueAt = Number.POSITIVE_INFINITY } of saga.branches) {
    if (dueAt < due && (isInFlight || saga.paused === undefined)) {
      due = dueAt;
    }
  }
  return due === Number.POSITIVE_INFINITY ? undefined : due;
}
