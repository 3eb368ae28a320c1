import type { Draft } from './saga.draft.js';
import type { AbortReason } from './saga.state.js';

/**
 * Turns the saga round. The change is on disk before the first undo is sent; what was stuck or waited on the way
 * forward is freed, since its undo follows.
 */
export function beginAbort(draft: Draft, abort: AbortReason): void {
  draft.change({ state: 'aborting', abort });
  for (const branch of draft.saga.branches) {
    draft.changeBranch(branch.branchId, {
      stuck: undefined,
      closing: undefined,
      dueAt: branch.isInFlight ? branch.dueAt : undefined,
    });
  }
  draft.note({ what: 'aborting', branchId: abort.branchId, message: `${abort.code}: ${abort.message}` });
  draft.durableFirst();
}
