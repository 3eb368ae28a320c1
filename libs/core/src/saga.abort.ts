import type { Draft } from './saga.draft.js';
import { stepOf, type AbortReason, type Branch, type BranchState, type Saga } from './saga.state.js';

/**
 * Turns the saga round. The change is on disk before the first undo is sent, and with it what is to be undone: no
 * action is sent after it, so who takes over later has nothing to guess. What was stuck or waited on the way forward
 * is freed, since its undo follows.
 */
export function beginAbort(draft: Draft, abort: AbortReason): void {
  const { saga } = draft;
  const branches = saga.branches.map((branch) => ({ ...branch, ...turnedRound(saga, branch) }));
  draft.change({ state: 'aborting', abort, stuck: undefined, branches });
  draft.note({ what: 'aborting', branchId: abort.branchId, message: `${abort.code}: ${abort.message}` });
  draft.durableFirst();
}

function turnedRound(saga: Saga, branch: Branch): Partial<Branch> {
  const wasSent = branch.wasSent || mayHaveBeenSent(saga, branch);
  const state = stateBehind(branch, wasSent);
  const isAwaited = branch.isInFlight && state === branch.state;
  return {
    state,
    isInFlight: isAwaited,
    dueAt: isAwaited ? branch.dueAt : undefined,
    stuck: undefined,
    closing: undefined,
    wasSent,
  };
}

/** What was only being skipped has nothing to wait for and nothing to undo: it is as it was before. */
function stateBehind(branch: Branch, wasSent: boolean): BranchState {
  if (branch.state !== 'calling' && branch.state !== 'unknown') {
    return branch.state;
  }
  if (!wasSent) {
    return 'pending';
  }
  // A new round forgets the refusal of the one before, so this one is of the round that was being closed.
  return branch.refusal?.isStored === true ? 'refused' : branch.state;
}

/** A former driver may have sent it: the barrier turns the undo of what never ran into a harmless mark. */
function mayHaveBeenSent(saga: Saga, branch: Branch): boolean {
  const { hasBarrier, canUndo } = stepOf(saga, branch.branchId);
  return saga.memory === 'broken' && hasBarrier && canUndo;
}
