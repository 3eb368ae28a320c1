import { halvesSentence } from './led.halves.js';
import { backoffMs } from './retry.js';
import { beginAbort } from './saga.abort.js';
import { clip, directionOf, MESSAGE_LENGTH_MAX, roundOf, type Draft } from './saga.draft.js';
import type { BranchReply, ReplyEvent } from './saga.event.js';
import {
  isAbortable,
  isForgone,
  isSpent,
  positionOf,
  retryOf,
  stepOf,
  type Branch,
  type BranchError,
  type BranchOp,
  type Refusal,
  type Saga,
  type StuckReason,
} from './saga.state.js';

const STUCK_BY_ERROR: Readonly<Record<BranchError['class'], StuckReason>> = {
  unreachable: 'participant-down',
  timeout: 'unknown-outcome',
  error: 'unknown-outcome',
  code: 'code',
  'bad-payload': 'bad-payload',
  'action-gone': 'code-gone',
};

/** A reply that says what became of an op: neither "unknown" nor "not yet". */
type Answer = Exclude<BranchReply, { readonly outcome: 'unknown' | 'not-yet' }>;

/** A participant that says "not yet" is asked again at least this often, however long a pause it asks for. */
const NOT_YET_MS_MAX = 3_600_000;

/** Returns the op that is under way at a branch, or undefined when none is. */
export function opUnderWay(branch: Branch): BranchOp | undefined {
  const isClosing = branch.closing !== undefined;
  switch (branch.state) {
    case 'pending':
      return undefined;
    case 'confirming':
      return isClosing ? 'close-confirm' : 'confirm';
    case 'compensating':
      return isClosing ? 'close-compensate' : 'compensate';
    case 'calling':
    case 'unknown':
      return isClosing ? 'close-action' : 'action';
    case 'done':
    case 'refused':
    case 'confirmed':
    case 'compensated':
    case 'skipped':
      return isClosing ? 'close-action' : undefined;
  }
}

/**
 * Returns the reply as it counts: a no that a repeat may turn into a yes is no answer to the action of a pivot, whose
 * yes needs no other record than the barrier's, nor where no undo could follow.
 */
export function weigh(saga: Saga, event: ReplyEvent): ReplyEvent {
  const { op, reply } = event;
  if (op !== 'action' || reply.outcome !== 'refused' || reply.refusal.isStored) {
    return event;
  }
  const step = saga.plan.steps[positionOf(saga, event.branchId)];
  if (step === undefined || !step.hasBarrier || (step.canUndo && !step.pivot)) {
    return event;
  }
  const message = `Refused, but not for good: ${reply.refusal.reason}`;
  return { ...event, reply: { outcome: 'unknown', error: { class: 'error', message } } };
}

/**
 * Tells whether a reply belongs to what is under way.
 *
 * A definite answer counts whichever attempt of the round it belongs to; "unknown" and "not yet" only for the
 * attempt that is in flight, or a late one would start the branch twice.
 */
export function isExpected(saga: Saga, event: ReplyEvent): boolean {
  const { op, reply } = event;
  const branch = saga.branches[positionOf(saga, event.branchId)];
  if (branch === undefined || event.round !== roundOf(branch, op)) {
    return false;
  }
  const underWay = opUnderWay(branch);
  if (reply.outcome === 'unknown' || reply.outcome === 'not-yet') {
    return branch.isInFlight && op === underWay && event.attempt === branch.attempt;
  }
  return (
    underWay !== undefined &&
    directionOf(op) === directionOf(underWay) &&
    isAnswerTo(op, reply) &&
    isNews(branch, reply)
  );
}

/** A yes to an undo, say, where an action was asked, is a participant's mistake and answers nothing. */
function isAnswerTo(op: BranchOp, reply: Answer): boolean {
  switch (reply.outcome) {
    case 'done':
      return directionOf(op) === 'action';
    case 'already-undone':
      return directionOf(op) !== 'compensate';
    case 'confirmed':
    case 'lost':
      return directionOf(op) === 'confirm';
    case 'undone':
      return directionOf(op) === 'compensate';
    case 'closed':
      return op !== directionOf(op);
    case 'refused':
      return op === directionOf(op);
  }
}

/** Tells a reply that says more than what is known already, or than what closing the round has made of it. */
function isNews(branch: Branch, reply: Answer): boolean {
  switch (reply.outcome) {
    case 'refused':
      // In a round that may be closed a stored no may be the closing's own, which says nothing about the action.
      return branch.mayBeClosed === true
        ? branch.closing !== undefined && reply.refusal.isStored
        : !isRefusalKnown(branch);
    case 'already-undone':
      return branch.stuck?.reason !== 'mixed';
    case 'lost':
      return branch.stuck?.reason !== 'branch-lost';
    case 'closed':
      return branch.closing !== undefined;
    case 'undone':
      return branch.stuck?.reason !== 'branch-lost' || !reply.wasEmpty || branch.closing !== undefined;
    case 'done':
    case 'confirmed':
      return true;
  }
}

/** A no to the end of a branch is told once, and then it waits for an operator. */
export function isRefusalKnown({ state, stuck, refusal }: Branch): boolean {
  return state === 'confirming'
    ? stuck?.reason === 'mixed' && refusal !== undefined
    : stuck?.reason === 'refused';
}

/** Records an expected reply. Where no barrier remembers it, it is durable before anything follows from it. */
export function applyReply(draft: Draft, event: ReplyEvent): void {
  if (!stepOf(draft.saga, event.branchId).hasBarrier) {
    draft.durableFirst();
  }
  const { branchId, reply } = event;
  switch (reply.outcome) {
    case 'done':
      end(draft, branchId, { state: 'done', output: reply.output });
      return;
    case 'confirmed':
      end(draft, branchId, { state: 'confirmed', refusal: undefined });
      return;
    case 'lost':
      applyLost(draft, branchId, reply.message);
      return;
    case 'undone':
      applyUndone(draft, branchId, reply.wasEmpty);
      return;
    case 'closed':
      applyClosed(draft, branchId);
      return;
    case 'already-undone':
      applyAlreadyUndone(draft, branchId);
      return;
    case 'refused':
      applyRefusal(draft, branchId, reply.refusal);
      return;
    case 'not-yet':
      applyNotYet(draft, branchId, reply.retryAfterMs);
      return;
    case 'unknown':
      applyUnknown(draft, branchId, reply.error);
      return;
  }
}

/** Records that an attempt ended in neither yes nor no: another one follows, or the attempts are out. */
export function applyUnknown(draft: Draft, branchId: string, error: BranchError): void {
  const branch = draft.branch(branchId);
  const step = stepOf(draft.saga, branchId);
  const waitMs = backoffMs(branch.attempt, retryOf(draft.saga, step), draft.moment.random);
  draft.changeBranch(branchId, {
    state: branch.state === 'calling' ? 'unknown' : branch.state,
    isInFlight: false,
    lastError: { class: error.class, message: clip(error.message, MESSAGE_LENGTH_MAX), at: draft.now },
    dueAt: isForgone(draft.saga, branch) ? undefined : draft.now + waitMs,
  });
  draft.note({
    what: 'unknown',
    branchId,
    attempt: branch.attempt,
    message: `${error.class}: ${error.message}`,
  });
  if (!step.hasBarrier) {
    draft.durableFirst();
  }
  if (isForgone(draft.saga, branch)) {
    return;
  }
  if (error.class === 'code' || error.class === 'bad-payload') {
    draft.stick(branchId, STUCK_BY_ERROR[error.class], error.message);
  } else {
    giveUpIfSpent(draft, branchId);
  }
}

/**
 * Forward, while nothing is decided: out of attempts is abort. Else only an operator can help.
 *
 * Not while the saga is paused: who paused it may be about to repair the participant.
 */
export function giveUpIfSpent(draft: Draft, branchId: string): void {
  const branch = draft.branch(branchId);
  const error = branch.lastError;
  if (draft.saga.paused !== undefined || error === undefined || !isSpent(draft.saga, branch)) {
    return;
  }
  if (branch.closing === undefined && isAbortable(draft.saga)) {
    const attempts = branch.attempt === 1 ? 'its one attempt' : `${branch.attempt} attempts`;
    const message = `Step '${branchId}' gave no answer in ${attempts}: ${error.message}`;
    beginAbort(draft, { code: 'attempts', branchId, message });
    return;
  }
  const isSkip = branch.closing !== undefined;
  const message = isSkip ? `The skip of '${branchId}' was not acknowledged: ${error.message}` : error.message;
  draft.stick(branchId, STUCK_BY_ERROR[error.class], message);
}

/** Only a driver that does not know of the abort can see this; its write will show that the row is not its own. */
function applyAlreadyUndone(draft: Draft, branchId: string): void {
  if (draft.saga.state === 'aborting') {
    applyUnknown(draft, branchId, { class: 'error', message: 'The action came after its undo.' });
    return;
  }
  const branch = draft.branch(branchId);
  if (branch.state === 'confirming' && branch.closing !== undefined) {
    // An operator has seen it, and passes it over: a branch that was undone cannot be confirmed any more.
    applyClosed(draft, branchId);
    return;
  }
  const decision =
    draft.saga.state === 'committing' ? 'the decision is to commit' : 'nobody decided to abort';
  draft.stick(branchId, 'mixed', `The participant has undone this branch, yet ${decision}.`);
}

/**
 * Records the answer to an undo. That nothing was there to undo is right for what never ran. After the action's own yes it means that its effect
 * stands in another database than the one that was asked, or went with it.
 */
function applyUndone(draft: Draft, branchId: string, wasEmpty: boolean): void {
  const { output, closing } = draft.branch(branchId);
  const { hasBarrier, led } = stepOf(draft.saga, branchId);
  if (!wasEmpty || output === undefined || !hasBarrier || led !== undefined) {
    end(draft, branchId, { state: 'compensated' });
  } else if (closing === undefined) {
    draft.stick(branchId, 'branch-lost', UNDONE_WITHOUT_TRACE);
  } else {
    applyClosed(draft, branchId);
  }
}

const UNDONE_WITHOUT_TRACE =
  'The action was done, and the database that is asked to undo it knows nothing of it: an instance of the service uses another database, or this one ' +
  'was restored from a backup. Nothing was undone.';

/** To close the confirm of what is not there is to leave it out: otherwise an operator could never get past it. */
function applyLost(draft: Draft, branchId: string, message: string): void {
  if (draft.branch(branchId).closing === undefined) {
    draft.stick(branchId, 'branch-lost', message);
  } else {
    applyClosed(draft, branchId);
  }
}

function applyNotYet(draft: Draft, branchId: string, retryAfterMs: number): void {
  const branch = draft.branch(branchId);
  const { initialMs } = retryOf(draft.saga, stepOf(draft.saga, branchId));
  const waitMs = Math.max(initialMs, Math.min(retryAfterMs, NOT_YET_MS_MAX));
  draft.changeBranch(branchId, {
    isInFlight: false,
    attempt: branch.attempt - 1,
    dueAt: isForgone(draft.saga, branch) ? undefined : draft.now + waitMs,
  });
}

function end(draft: Draft, branchId: string, change: Partial<Branch> & Pick<Branch, 'state'>): void {
  const { attempt, stuck } = draft.branch(branchId);
  draft.changeBranch(branchId, change);
  draft.changeBranch(branchId, {
    isInFlight: false,
    dueAt: undefined,
    stuck: undefined,
    closing: undefined,
    mayBeClosed: undefined,
    endedAt: draft.now,
  });
  if (stuck !== undefined) {
    // Who takes over would find it stuck and wait for an operator, although the answer has come.
    draft.durableFirst();
  }
  draft.note({ what: change.state, branchId, attempt, message: change.refusal?.reason });
}

function applyClosed(draft: Draft, branchId: string): void {
  const { closing } = draft.branch(branchId);
  if (closing !== undefined) {
    draft.skipNow(branchId, closing);
  }
}

function applyRefusal(draft: Draft, branchId: string, refusal: Refusal): void {
  const branch = draft.branch(branchId);
  if (branch.closing !== undefined) {
    // The round was closed before the attempt came: its no is the closing's own, and answers the operator's wish.
    applyClosed(draft, branchId);
    return;
  }
  if (branch.state === 'compensating') {
    draft.changeBranch(branchId, { refusal });
    draft.stick(branchId, 'refused', `The compensation was refused: ${refusal.reason}`);
    return;
  }
  if (branch.state === 'confirming') {
    draft.changeBranch(branchId, { refusal });
    // Whoever has to repair what is half confirmed needs both halves.
    const message = `The confirm of '${branchId}' was refused: ${refusal.reason}. ${halvesSentence(draft.saga)}`;
    draft.stick(branchId, 'mixed', message);
    return;
  }
  end(draft, branchId, { state: 'refused', refusal });
  if (draft.saga.state !== 'aborting') {
    answerRefusal(draft, branchId, refusal);
  }
}

/** What a no on the way forward leads to. A new round itself begins in `settle`, when the pause is over. */
function answerRefusal(draft: Draft, branchId: string, refusal: Refusal): void {
  const { round } = draft.branch(branchId);
  const step = stepOf(draft.saga, branchId);
  const policy = retryOf(draft.saga, step);
  if (step.onRefusal === 'retry' && round < policy.attemptCountMax) {
    draft.changeBranch(branchId, { dueAt: draft.now + backoffMs(round, policy, draft.moment.random) });
  } else if (isAbortable(draft.saga)) {
    beginAbort(draft, { code: 'refused', branchId, message: refusal.reason });
  } else {
    draft.stick(branchId, 'refused', refusal.reason);
  }
}
