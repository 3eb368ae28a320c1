import type { Draft } from './saga.draft.js';
import { stepOf, type AbortReason, type Branch, type Saga } from './saga.state.js';

/**
 * Turns the saga round. The change is on disk before the first undo is sent, and with it what is to be undone: no
 * action is sent after it, so who takes over later has nothing to guess. What was stuck or waited on the way forward
 * is freed, since its undo follows.
 */
export function beginAbort(draft: Draft, abort: AbortReason): void {
  draft.change({ state: 'aborting', abort });
  for (const branch of draft.saga.branches) {
    draft.changeBranch(branch.branchId, {
      stuck: undefined,
      closing: undefined,
      dueAt: branch.isInFlight ? branch.dueAt : undefined,
      wasSent: branch.wasSent || mayHaveBeenSent(draft.saga, branch),
    });
  }
  draft.note({ what: 'aborting', branchId: abort.branchId, message: `${abort.code}: ${abort.message}` });
  draft.durableFirst();
}

/** A former driver may have sent it: the barrier turns the undo of what never ran into a harmless mark. */
function mayHaveBeenSent(saga: Saga, branch: Branch): boolean {
  const { hasBarrier, canUndo } = stepOf(saga, branch.branchId);
  return saga.memory === 'broken' && hasBarrier && canUndo;
}
