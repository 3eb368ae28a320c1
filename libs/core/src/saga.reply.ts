import { backoffMs, type RetryPolicy } from './retry.js';
import { beginAbort } from './saga.abort.js';
import { isUndo, type Draft } from './saga.draft.js';
import type { BranchReply, ReplyEvent } from './saga.event.js';
import {
  isAbortable,
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

/** Returns the op that is under way at a branch, or undefined when none is. */
export function opUnderWay(branch: Branch): BranchOp | undefined {
  const isUndoing = branch.state === 'compensating';
  if (branch.closing !== undefined) {
    return isUndoing ? 'close-compensate' : 'close-action';
  }
  if (isUndoing) {
    return 'compensate';
  }
  return branch.state === 'calling' || branch.state === 'unknown' ? 'action' : undefined;
}

/**
 * Tells whether a reply belongs to what is under way.
 *
 * A definite answer counts whichever attempt of the round it belongs to; "unknown" and "not yet" only for the
 * attempt that is in flight, or a late one would start the branch twice.
 */
export function isExpected(saga: Saga, event: ReplyEvent): boolean {
  const branch = saga.branches.find((candidate) => candidate.branchId === event.branchId);
  if (branch === undefined || event.round !== (isUndo(event.op) ? branch.undoRound : branch.round)) {
    return false;
  }
  if (event.reply.outcome === 'unknown' || event.reply.outcome === 'not-yet') {
    return branch.isInFlight && event.op === opUnderWay(branch) && event.attempt === branch.attempt;
  }
  const underWay = opUnderWay(branch);
  return underWay !== undefined && isUndo(event.op) === isUndo(underWay) && isAnswerTo(event.op, event.reply);
}

/** A yes to an undo, say, where an action was asked, is a participant's mistake and answers nothing. */
function isAnswerTo(op: BranchOp, reply: BranchReply): boolean {
  switch (reply.outcome) {
    case 'done':
    case 'already-undone':
      return !isUndo(op);
    case 'undone':
      return isUndo(op);
    case 'closed':
      return op === 'close-action' || op === 'close-compensate';
    case 'refused':
      return op === 'action' || op === 'compensate';
    case 'not-yet':
    case 'unknown':
      return true;
  }
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
    case 'undone':
      end(draft, branchId, { state: 'compensated' });
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
  const policy = retryOf(draft.saga, stepOf(draft.saga, branchId));
  draft.changeBranch(branchId, {
    state: branch.state === 'calling' ? 'unknown' : branch.state,
    isInFlight: false,
    lastError: { ...error, at: draft.now },
    dueAt: draft.now + backoffMs(branch.attempt, policy, draft.moment.random),
  });
  draft.note({
    what: 'unknown',
    branchId,
    attempt: branch.attempt,
    message: `${error.class}: ${error.message}`,
  });
  if (!stepOf(draft.saga, branchId).hasBarrier) {
    draft.durableFirst();
  }
  if (draft.saga.state === 'aborting' && branch.state !== 'compensating') {
    // The action is not asked again: its undo follows, and covers the case that it ran.
    draft.changeBranch(branchId, { dueAt: undefined });
    return;
  }
  if (error.class === 'code' || error.class === 'bad-payload') {
    draft.stick(branchId, STUCK_BY_ERROR[error.class], error.message);
    return;
  }
  if (branch.attempt >= attemptCountMax(branch, policy)) {
    giveUp(draft, branchId, { stuck: STUCK_BY_ERROR[error.class], message: error.message });
  }
}

/** Forward, while nothing is decided: abort. Else only an operator can help. */
function giveUp(draft: Draft, branchId: string, cause: { stuck: StuckReason; message: string }): void {
  const branch = draft.branch(branchId);
  if (branch.closing === undefined && branch.state !== 'compensating' && isAbortable(draft.saga)) {
    const message = `Step '${branchId}' gave no answer in ${branch.attempt} attempts: ${cause.message}`;
    beginAbort(draft, { code: 'attempts', branchId, message });
    return;
  }
  draft.stick(branchId, cause.stuck, cause.message);
}

function attemptCountMax(branch: Branch, policy: RetryPolicy): number {
  return branch.state === 'compensating' ? policy.undoAttemptCountMax : policy.attemptCountMax;
}

/** Only a driver that does not know of the abort can see this; its write will show that the row is not its own. */
function applyAlreadyUndone(draft: Draft, branchId: string): void {
  if (draft.saga.state === 'aborting') {
    applyUnknown(draft, branchId, { class: 'error', message: 'The action came after its undo.' });
    return;
  }
  draft.stick(branchId, 'mixed', 'The participant has undone this branch, yet nobody decided to abort.');
}

function applyNotYet(draft: Draft, branchId: string, retryAfterMs: number): void {
  const { attempt, state } = draft.branch(branchId);
  const isForgone = draft.saga.state === 'aborting' && state !== 'compensating';
  draft.changeBranch(branchId, {
    isInFlight: false,
    attempt: attempt - 1,
    dueAt: isForgone ? undefined : draft.now + retryAfterMs,
  });
}

function end(draft: Draft, branchId: string, change: Partial<Branch> & Pick<Branch, 'state'>): void {
  const { attempt } = draft.branch(branchId);
  draft.changeBranch(branchId, {
    ...change,
    isInFlight: false,
    dueAt: undefined,
    closing: undefined,
    endedAt: draft.now,
  });
  draft.note({ what: change.state, branchId, attempt, message: change.refusal?.reason });
}

function applyClosed(draft: Draft, branchId: string): void {
  const { closing, state } = draft.branch(branchId);
  if (closing === undefined) {
    return;
  }
  end(draft, branchId, {
    state: 'skipped',
    skip: { ...closing, op: state === 'compensating' ? 'compensate' : 'action' },
  });
  draft.durableFirst();
}

function applyRefusal(draft: Draft, branchId: string, refusal: Refusal): void {
  const branch = draft.branch(branchId);
  const step = stepOf(draft.saga, branchId);
  if (branch.state === 'compensating') {
    draft.changeBranch(branchId, { refusal });
    draft.stick(branchId, 'refused', `The compensation was refused: ${refusal.reason}`);
    return;
  }
  if (!refusal.isStored && !step.canUndo) {
    // A no that a repeat may turn into a yes, of an action that cannot be undone, is no answer.
    applyUnknown(draft, branchId, {
      class: 'error',
      message: `Refused, but not for good: ${refusal.reason}`,
    });
    return;
  }
  end(draft, branchId, { state: 'refused', refusal });
  if (step.onRefusal === 'retry' && draft.saga.state !== 'aborting') {
    awaitNextRound(draft, branchId, refusal);
  }
}

/** The new round itself begins in `settle`, when the pause is over. */
function awaitNextRound(draft: Draft, branchId: string, refusal: Refusal): void {
  const { round } = draft.branch(branchId);
  const policy = retryOf(draft.saga, stepOf(draft.saga, branchId));
  draft.changeBranch(branchId, { dueAt: draft.now + backoffMs(round, policy, draft.moment.random) });
  if (round < policy.attemptCountMax) {
    return;
  }
  if (isAbortable(draft.saga)) {
    beginAbort(draft, { code: 'refused', branchId, message: refusal.reason });
  } else {
    draft.stick(branchId, 'refused', refusal.reason);
  }
}
