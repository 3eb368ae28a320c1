import type { BranchView, TransactionSummary, TransactionView } from '@atone/protocol';
import { iso } from './api.shapes.js';
import type { BranchDoubt, HearsayEntry } from './hearsay.js';
import type { RowFilter } from './log.port.js';

/** Returns a led transaction that is only heard of as the API shows it in lists. */
export function hearsaySummary({ gid, notice, begunAt, deadlineAt }: HearsayEntry): TransactionSummary {
  const { name, initiator, lane, tags } = notice;
  return {
    gid,
    kind: 'led',
    name,
    initiator,
    lane,
    tags: { ...tags },
    outcome: 'undecided',
    state: 'active',
    acceptedAt: iso(begunAt),
    deadlineAt: iso(deadlineAt),
    version: 0,
    isHearsay: true,
  };
}

/** Returns a led transaction that is only heard of, with the branches whose participants have asked. */
export function hearsayView(entry: HearsayEntry): TransactionView {
  return {
    ...hearsaySummary(entry),
    branches: entry.doubts.map((doubt) => branchOf(doubt, 'done')),
    history: [],
    historyDroppedCount: 0,
  };
}

/**
 * Returns the view with what participants have asked about its branches. Those that it does not have are shown as well:
 * the initiator has not listed them, and they are to be undone.
 */
export function withDoubts(view: TransactionView, doubts: readonly BranchDoubt[]): TransactionView {
  if (doubts.length === 0) {
    return view;
  }
  const byId = new Map(doubts.map((doubt) => [doubt.branchId, doubt]));
  const known = new Set(view.branches.map(({ branchId }) => branchId));
  const doubted = view.branches.map((branch) => {
    const doubt = byId.get(branch.branchId);
    return doubt === undefined ? branch : { ...branch, doubt: doubtView(doubt) };
  });
  const unlisted = doubts.filter(({ branchId }) => !known.has(branchId));
  return { ...view, branches: [...doubted, ...unlisted.map((doubt) => branchOf(doubt, 'unknown'))] };
}

/** Tells whether a list with this filter shows what is only heard of. */
export function isHeardUnder(filter: RowFilter, entry: HearsayEntry): boolean {
  return isUndecided(filter) && isAbout(filter, entry) && isWithin(filter, entry);
}

function isUndecided({ state, outcome, isStuck, stuckReason, isPaused }: RowFilter): boolean {
  return (
    (state ?? 'active') === 'active' &&
    (outcome ?? 'undecided') === 'undecided' &&
    isStuck !== true &&
    isPaused !== true &&
    stuckReason === undefined
  );
}

function isAbout(
  { name, service, tag, idempotencyKey }: RowFilter,
  { notice, doubts }: HearsayEntry,
): boolean {
  return (
    (name ?? notice.name) === notice.name &&
    (service === undefined || doubts.some((doubt) => doubt.service === service)) &&
    (tag === undefined || notice.tags?.[tag.name] === tag.value) &&
    idempotencyKey === undefined
  );
}

function isWithin(
  { afterGid, acceptedFrom = -Infinity, acceptedTo = Infinity }: RowFilter,
  { gid, begunAt }: HearsayEntry,
): boolean {
  return (afterGid === undefined || gid < afterGid) && begunAt >= acceptedFrom && begunAt < acceptedTo;
}

function branchOf(doubt: BranchDoubt, state: BranchView['state']): BranchView {
  const { branchId, service, action, kind } = doubt;
  return {
    branchId,
    service,
    action,
    kind,
    after: [],
    pivot: false,
    state,
    round: 1,
    undoRound: 1,
    attempt: 0,
    doubt: doubtView(doubt),
  };
}

function doubtView({ since, trouble }: BranchDoubt): BranchView['doubt'] {
  return { since: iso(since), trouble };
}
