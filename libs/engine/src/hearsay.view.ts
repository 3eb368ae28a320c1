import type { BranchView, StuckView, TransactionSummary, TransactionView } from '@atone/protocol';
import { iso } from './api.shapes.js';
import { ambiguityOf, type BranchDoubt } from './branch.doubt.js';
import type { HearsayEntry } from './hearsay.js';
import type { RowFilter } from './log.port.js';

/** Returns a led transaction that is only heard of as the API shows it in lists. */
export function hearsaySummary(entry: HearsayEntry): TransactionSummary {
  const { gid, notice, begunAt, deadlineAt } = entry;
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
    stuck: stuckView(entry),
    acceptedAt: iso(begunAt),
    deadlineAt: iso(deadlineAt),
    version: 0,
    isHearsay: true,
  };
}

/** Returns a led transaction that is only heard of, with the calls that its initiator has told of and the doubts of participants. */
export function hearsayView(entry: HearsayEntry): TransactionView {
  const view = { ...hearsaySummary(entry), branches: [], history: [], historyDroppedCount: 0 };
  return withHearsay(view, entry);
}

/**
 * Returns the view with what participants have asked about its branches and, while it is undecided, with what its initiator
 * has told. Branches that it does not have are shown as well, and marked as hearsay.
 */
export function withHearsay(view: TransactionView, entry: HearsayEntry | undefined): TransactionView {
  if (entry === undefined) {
    return view;
  }
  const { branches: told = [], branchCount, calls = [] } = view.state === 'active' ? entry.calls : {};
  const open = view.state === 'active' ? entry.doubts : afterDecision(entry.doubts, view.branches);
  const doubts = new Map(open.map((doubt) => [doubt.branchId, doubtView(doubt)]));
  const shown = [view.branches, told.map(toldBranch), open.map(doubtedBranch)].reduce(withOthers);
  const branches = shown.map((branch) => {
    const doubt = doubts.get(branch.branchId);
    return doubt === undefined ? branch : { ...branch, state: stateInDoubt(branch), doubt };
  });
  return {
    ...view,
    branches,
    ...(branchCount === undefined ? {} : { branchCount }),
    ...(calls.length === 0 ? {} : { calls }),
  };
}

/**
 * What was left to people until somebody decides is so no longer. Of what the row does not have it is shown still that its
 * participant is in doubt: it asks once more.
 */
function afterDecision(
  doubts: readonly BranchDoubt[],
  branches: readonly BranchView[],
): readonly BranchDoubt[] {
  const driven = new Set(branches.map(({ branchId }) => branchId));
  return doubts.flatMap((doubt) => {
    const { branchId, referral } = doubt;
    const isSettled = referral?.stuck !== undefined || referral?.isUntilDecided === true;
    if (!isSettled) {
      return [doubt];
    }
    return driven.has(branchId) ? [] : [{ ...doubt, referral: undefined }];
  });
}

/** Tells whether a list with this filter shows what is only heard of. */
export function isHeardUnder(filter: RowFilter, entry: HearsayEntry): boolean {
  return isUndecided(filter) && isStuckAs(filter, entry) && isAbout(filter, entry) && isWithin(filter, entry);
}

function isUndecided({ state, outcome, isPaused }: RowFilter): boolean {
  return (state ?? 'active') === 'active' && (outcome ?? 'undecided') === 'undecided' && isPaused !== true;
}

function isStuckAs({ isStuck, stuckReason }: RowFilter, entry: HearsayEntry): boolean {
  const reason = stuckView(entry)?.reason;
  return (isStuck ?? reason !== undefined) === (reason !== undefined) && (stuckReason ?? reason) === reason;
}

/** Only a person can decide it, as far as those who are in doubt were told: the first of them says why. */
function stuckView({ doubts }: HearsayEntry): StuckView | undefined {
  const [first] = doubts
    .flatMap(({ since, referral }) =>
      referral?.stuck === undefined ? [] : [{ since, reason: referral.stuck, message: referral.message }],
    )
    .toSorted((left, right) => left.since - right.since);
  return first && { ...first, since: iso(first.since), waysOut: ['resolve'] };
}

function isAbout(
  { name, service, tag, idempotencyKey }: RowFilter,
  { notice, calls: { branches = [] }, doubts }: HearsayEntry,
): boolean {
  return (
    (name ?? notice.name) === notice.name &&
    (service === undefined || [...branches, ...doubts].some((branch) => branch.service === service)) &&
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

/** Returns the branches, and behind them those of `others` that are not among them. */
function withOthers(branches: readonly BranchView[], others: readonly BranchView[]): BranchView[] {
  const known = new Set(branches.map(({ branchId }) => branchId));
  return [...branches, ...others.filter(({ branchId }) => !known.has(branchId))];
}

/** Who asks is past the deadline: nobody who only told of it is calling it any more. */
function stateInDoubt({ state, isHearsay }: BranchView): BranchView['state'] {
  return isHearsay === true && state === 'calling' ? 'unknown' : state;
}

type NamedBranch = Pick<BranchView, 'branchId' | 'service' | 'action' | 'kind'>;

const STATES = { 'in-flight': 'calling', returned: 'done', threw: 'unknown' } as const;

function toldBranch({
  state,
  ...branch
}: NonNullable<HearsayEntry['calls']['branches']>[number]): BranchView {
  return heardBranch(branch, STATES[state]);
}

function doubtedBranch(doubt: BranchDoubt): BranchView {
  return heardBranch(doubt, 'unknown');
}

function heardBranch(
  { branchId, service, action, kind }: NamedBranch,
  state: BranchView['state'],
): BranchView {
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
    isHearsay: true,
  };
}

function doubtView(doubt: BranchDoubt): BranchView['doubt'] {
  const { since, trouble, referral } = doubt;
  const reasons = [referral?.message, ambiguityOf(doubt)].filter((reason) => reason !== undefined);
  return {
    since: iso(since),
    trouble,
    ...(referral === undefined ? {} : { isForPeople: true }),
    ...(reasons.length === 0 ? {} : { reason: reasons.join(' ') }),
  };
}
