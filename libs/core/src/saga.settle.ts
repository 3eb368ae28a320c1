import { planIndex } from './plan.graph.js';
import { beginAbort } from './saga.abort.js';
import type { Draft } from './saga.draft.js';
import { opUnderWay } from './saga.reply.js';
import {
  hasDeadline,
  isLeftUnanswered,
  isPassed,
  isReady,
  stepOf,
  stuckOf,
  type Branch,
  type Saga,
} from './saga.state.js';

/** Carries out what follows from the state, which is not an end yet: turns round, sends what is ready, ends. */
export function settle(draft: Draft): void {
  if (draft.saga.state === 'running') {
    settleRunning(draft);
  } else if (draft.saga.state === 'active') {
    settleActive(draft);
  }
  if (draft.saga.state === 'aborting') {
    goBack(draft);
  } else if (draft.saga.plan.led === undefined) {
    goForward(draft);
  } else if (draft.saga.state === 'committing') {
    confirmAll(draft);
  }
}

function settleRunning(draft: Draft): void {
  const { saga } = draft;
  if (isPastDeadline(draft) && !isAllDone(saga)) {
    beginAbort(draft, { code: 'deadline', message: deadlineMessage(saga) });
  } else if (hasPivotDone(saga)) {
    draft.change({ state: 'committing' });
    draft.note({ what: 'committing' });
  }
}

/** What was registered in another life of the log may have been decided there, and the decision lost with its end. */
function settleActive(draft: Draft): void {
  const { epoch } = draft.moment;
  const began = draft.saga.plan.led?.epoch;
  if (epoch !== undefined && epoch !== began && draft.saga.stuck === undefined) {
    draft.stickAll(
      'log-restored',
      `It began in life ${began} of the log, which is in life ${epoch} now: what was decided may be lost.`,
    );
  } else if (isPastDeadline(draft)) {
    beginAbort(draft, { code: 'deadline', message: 'The deadline passed before the initiator had decided.' });
  }
}

function isPastDeadline({ saga, now }: Draft): boolean {
  return saga.deadlineAt !== undefined && saga.deadlineAt <= now && hasDeadline(saga);
}

function deadlineMessage(saga: Saga): string {
  const stuck = stuckOf(saga);
  return stuck?.branchId === undefined
    ? 'The deadline passed before all steps were done.'
    : `The deadline passed while step '${stuck.branchId}' was stuck (${stuck.reason}): ${stuck.message}`;
}

function hasPivotDone(saga: Saga): boolean {
  const position = planIndex(saga.plan.steps).pivot;
  return position !== undefined && saga.branches[position]?.state === 'done';
}

function isAllDone(saga: Saga): boolean {
  return saga.branches.every(isPassed);
}

function goForward(draft: Draft): void {
  const { order } = planIndex(draft.saga.plan.steps);
  for (const position of order) {
    skipInTurn(draft, draft.saga.branches[position]);
  }
  if (isAllDone(draft.saga)) {
    finish(draft, 'committed');
    return;
  }
  if (draft.saga.paused !== undefined) {
    return;
  }
  for (const position of order) {
    goOn(draft, draft.saga.branches[position]);
  }
}

function goOn(draft: Draft, branch: Branch | undefined): void {
  if (branch?.state === 'pending' && isReady(draft.saga, branch.branchId)) {
    begin(draft, branch);
  } else if (branch !== undefined && isDue(draft, branch)) {
    askAgain(draft, branch);
  }
}

/** A step at an endpoint that keeps no barrier has nothing to close, so its skip needs no answer. */
function skipInTurn(draft: Draft, branch: Branch | undefined): void {
  if (branch?.closing === undefined) {
    return;
  }
  const { branchId, closing } = branch;
  if (!stepOf(draft.saga, branchId).hasBarrier && isReady(draft.saga, branchId)) {
    draft.skipNow(branchId, closing);
  }
}

function begin(draft: Draft, { branchId, closing }: Branch): void {
  draft.changeBranch(branchId, { state: 'calling' });
  if (closing === undefined) {
    draft.send(branchId, 'action');
  } else {
    draft.close(branchId, closing);
    draft.send(branchId, 'close-action');
  }
}

function isDue(draft: Draft, branch: Branch): boolean {
  return !branch.isInFlight && branch.dueAt !== undefined && branch.dueAt <= draft.now;
}

function askAgain(draft: Draft, branch: Branch): void {
  const { branchId } = branch;
  if (branch.state === 'refused') {
    // The stored refusal answers for its own round, so only a new round can run the action again.
    draft.changeBranch(branchId, {
      state: 'calling',
      round: branch.round + 1,
      attempt: 0,
      refusal: undefined,
    });
    draft.durableFirst();
    draft.send(branchId, 'action');
    return;
  }
  const op = opUnderWay(branch);
  if (op !== undefined) {
    draft.changeBranch(branchId, { state: branch.state === 'unknown' ? 'calling' : branch.state });
    draft.send(branchId, op);
  }
}

/** Brings the commit to the branches on the list, in any order, and the undo to the others. */
function confirmAll(draft: Draft): void {
  confirmSilent(draft);
  if (!draft.saga.branches.some((branch) => isUnfinished(draft.saga, branch))) {
    finish(draft, 'committed');
    return;
  }
  if (draft.saga.paused !== undefined) {
    return;
  }
  for (const branch of draft.saga.branches) {
    if (branch.state === 'done' && goalOf(draft.saga, branch) === 'follow') {
      draft.changeBranch(branch.branchId, { state: 'confirming' });
      draft.send(branch.branchId, 'confirm');
    } else if (branch.state === 'confirming' && isDue(draft, branch)) {
      askAgain(draft, branch);
    }
  }
  if (planIndex(draft.saga.plan.steps).hasThrown) {
    undoInTurn(draft);
  }
}

/** Counts as confirmed what has nothing to confirm. */
function confirmSilent(draft: Draft): void {
  const { saga, now } = draft;
  const isSilent = (branch: Branch): boolean => branch.state === 'done' && hasNothingToConfirm(saga, branch);
  if (saga.branches.some(isSilent)) {
    const branches = saga.branches.map((branch) =>
      isSilent(branch) ? { ...branch, state: 'confirmed' as const, endedAt: now } : branch,
    );
    draft.change({ branches });
  }
}

/** Nobody keeps anything in doubt about an action that took effect at once, where there is no barrier. */
function hasNothingToConfirm(saga: Saga, { branchId }: Branch): boolean {
  const { hasBarrier, led } = stepOf(saga, branchId);
  return led?.goal === 'follow' && led.kind === 'saga' && !hasBarrier;
}

function isUnfinished(saga: Saga, branch: Branch): boolean {
  return goalOf(saga, branch) === 'follow'
    ? branch.state !== 'confirmed' && branch.state !== 'skipped'
    : needsUndo(saga, branch);
}

function goalOf(saga: Saga, { branchId }: Branch): 'follow' | 'undo' {
  return stepOf(saga, branchId).led?.goal ?? 'follow';
}

function goBack(draft: Draft): void {
  if (!draft.saga.branches.some((branch) => needsUndo(draft.saga, branch))) {
    finish(draft, 'aborted');
    return;
  }
  if (draft.saga.paused === undefined) {
    undoInTurn(draft);
  }
}

function undoInTurn(draft: Draft): void {
  for (const branchId of undoable(draft.saga)) {
    const branch = draft.branch(branchId);
    if (branch.state === 'compensating') {
      if (isDue(draft, branch)) {
        askAgain(draft, branch);
      }
    } else if (!isAwaited(draft.saga, branch)) {
      draft.changeBranch(branchId, { state: 'compensating', attempt: 0, mayBeClosed: undefined });
      draft.send(branchId, 'compensate');
    }
  }
}

/**
 * Returns the branches whose undo has begun, or may: nothing depends on them that is to be undone before. What an operator
 * skips counts as settled by hand, also where its participant does not acknowledge that.
 */
function undoable(saga: Saga): string[] {
  const { order, dependents } = planIndex(saga.plan.steps);
  const isOpen = new Uint8Array(saga.branches.length);
  const found: string[] = [];
  for (const position of order.toReversed()) {
    const branch = saga.branches[position];
    const isHeld = dependents[position]?.some((dependent) => isOpen[dependent] === 1) === true;
    const isToUndo = branch !== undefined && needsUndo(saga, branch);
    if (isHeld || (isToUndo && !isLeftUnanswered(branch))) {
      // Also of what needs no undo itself: those before it still come after those behind it.
      isOpen[position] = 1;
    }
    if (isToUndo && (!isHeld || branch.state === 'compensating')) {
      found.push(branch.branchId);
    }
  }
  return found;
}

/** Without a barrier an undo that overtakes its action would be lost, so the answer comes first. */
function isAwaited(saga: Saga, branch: Branch): boolean {
  return branch.isInFlight && !stepOf(saga, branch.branchId).hasBarrier;
}

/** Tells whether a branch that is to be undone may have an effect that is not undone yet. */
function needsUndo(saga: Saga, branch: Branch): boolean {
  if (branch.state === 'compensated' || branch.state === 'confirming' || branch.state === 'confirmed') {
    // Before anything is looked up: of thousands of branches this is asked at each answer.
    return false;
  }
  const { canUndo } = stepOf(saga, branch.branchId);
  if (saga.state === 'committing' && goalOf(saga, branch) === 'follow') {
    return false;
  }
  switch (branch.state) {
    case 'refused':
      return branch.refusal?.isStored === false && canUndo;
    case 'skipped':
      return isSkippedUnanswered(saga, branch);
    case 'compensating':
      return true;
    case 'done':
      return canUndo;
    case 'pending':
    case 'calling':
    case 'unknown':
      return canUndo && branch.wasSent;
  }
}

/** At a barrier the round was closed before the branch was skipped; elsewhere the action may have run unheard. */
function isSkippedUnanswered(saga: Saga, { branchId, wasSent, skip, refusal }: Branch): boolean {
  const isOfAction = skip?.op === 'action' && refusal?.isStored !== true;
  return isOfAction && wasSent && !stepOf(saga, branchId).hasBarrier;
}

function finish(draft: Draft, state: 'committed' | 'aborted'): void {
  draft.change({ state, endedAt: draft.now, paused: undefined });
  draft.note({ what: state });
  draft.durability = 'end';
}
