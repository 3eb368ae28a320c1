import { ancestorsByStep } from './plan.graph.js';
import { beginAbort } from './saga.abort.js';
import type { Draft } from './saga.draft.js';
import { opUnderWay } from './saga.reply.js';
import { isAbortable, stepOf, type Branch, type Saga } from './saga.state.js';

/** Carries out what follows from the state as it now is: turns round, sends what is ready, ends. */
export function settle(draft: Draft): void {
  if (draft.saga.state === 'running') {
    settleRunning(draft);
  }
  switch (draft.saga.state) {
    case 'running':
    case 'committing':
      goForward(draft);
      return;
    case 'aborting':
      goBack(draft);
      return;
    case 'committed':
    case 'aborted':
      return;
  }
}

function settleRunning(draft: Draft): void {
  const { saga } = draft;
  const refused = saga.branches.find(
    (branch) => branch.state === 'refused' && stepOf(saga, branch.branchId).onRefusal === 'abort',
  );
  if (refused !== undefined) {
    const message = refused.refusal?.reason ?? 'refused';
    beginAbort(draft, { code: 'refused', branchId: refused.branchId, message });
  } else if (isPastDeadline(draft) && !isAllDone(saga)) {
    beginAbort(draft, { code: 'deadline', message: 'The deadline passed before all steps were done.' });
  } else if (hasPivotDone(saga)) {
    draft.change({ state: 'committing' });
    draft.note({ what: 'committing' });
  }
}

function isPastDeadline(draft: Draft): boolean {
  const { saga, now } = draft;
  return (
    saga.deadlineAt !== undefined && saga.deadlineAt <= now && saga.paused === undefined && isAbortable(saga)
  );
}

function hasPivotDone(saga: Saga): boolean {
  return saga.branches.some((branch) => branch.state === 'done' && stepOf(saga, branch.branchId).pivot);
}

function isAllDone(saga: Saga): boolean {
  return saga.branches.every(isPassed);
}

function isPassed(branch: Branch): boolean {
  return branch.state === 'done' || branch.state === 'skipped';
}

function goForward(draft: Draft): void {
  if (isAllDone(draft.saga)) {
    finish(draft, 'committed');
    return;
  }
  if (draft.saga.paused !== undefined) {
    return;
  }
  for (const { branchId } of draft.saga.branches) {
    const branch = draft.branch(branchId);
    if (branch.state === 'pending' && isReady(draft.saga, branchId)) {
      draft.changeBranch(branchId, { state: 'calling' });
      draft.send(branchId, 'action');
    } else if (isDue(draft, branch)) {
      askAgain(draft, branch);
    }
  }
}

function isReady(saga: Saga, branchId: string): boolean {
  const { after } = stepOf(saga, branchId);
  return saga.branches.every((branch) => !after.includes(branch.branchId) || isPassed(branch));
}

function isDue(draft: Draft, branch: Branch): boolean {
  return (
    !branch.isInFlight &&
    branch.stuck === undefined &&
    branch.dueAt !== undefined &&
    branch.dueAt <= draft.now
  );
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

function goBack(draft: Draft): void {
  if (!draft.saga.branches.some((branch) => needsUndo(draft.saga, branch))) {
    finish(draft, 'aborted');
    return;
  }
  if (draft.saga.paused !== undefined) {
    return;
  }
  const ancestors = ancestorsByStep(draft.saga.plan.steps);
  for (const { branchId } of draft.saga.branches) {
    const branch = draft.branch(branchId);
    if (branch.state === 'compensating') {
      if (isDue(draft, branch)) {
        askAgain(draft, branch);
      }
    } else if (mayUndoNow(draft.saga, branch, ancestors)) {
      draft.changeBranch(branchId, { state: 'compensating', attempt: 0, mayBeClosed: undefined });
      draft.send(branchId, 'compensate');
    }
  }
}

function mayUndoNow(
  saga: Saga,
  branch: Branch,
  ancestors: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  if (!needsUndo(saga, branch) || (branch.isInFlight && !stepOf(saga, branch.branchId).hasBarrier)) {
    // Without a barrier an undo that overtakes its action would be lost, so the answer is awaited.
    return false;
  }
  return saga.branches.every(
    (other) => ancestors.get(other.branchId)?.has(branch.branchId) !== true || !needsUndo(saga, other),
  );
}

/** Tells whether a branch of an aborting saga may have an effect that is not undone yet. */
function needsUndo(saga: Saga, branch: Branch): boolean {
  const { hasBarrier, canUndo } = stepOf(saga, branch.branchId);
  switch (branch.state) {
    case 'compensated':
      return false;
    case 'refused':
      return branch.refusal?.isStored === false;
    case 'skipped':
      return !hasBarrier && branch.wasSent && branch.skip?.op === 'action';
    case 'pending':
      // A former driver may have sent it: the barrier turns the undo of what never ran into a harmless mark.
      return saga.memory === 'broken' && hasBarrier && canUndo;
    case 'calling':
    case 'unknown':
    case 'done':
    case 'compensating':
      return true;
  }
}

function finish(draft: Draft, state: 'committed' | 'aborted'): void {
  draft.change({ state, endedAt: draft.now, paused: undefined });
  draft.note({ what: state });
  draft.durability = 'end';
}
