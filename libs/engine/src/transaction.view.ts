import {
  gidTimeMs,
  halvesOf,
  isAbortable,
  isEnded,
  outcomeOf,
  skipHindrance,
  stepOf,
  stuckOf,
  type Branch,
  type HistoryEntry,
  type Saga,
  type Stuck,
} from '@atone/core';
import type { BranchView, StuckView, TransactionSummary, TransactionView } from '@atone/protocol';
import { iso } from './api.shapes.js';
import type { Snapshot } from './snapshot.js';
import { stuckPart } from './stuck.part.js';

/** Returns a transaction as the API shows it in lists. */
export function summaryOf(snapshot: Snapshot): TransactionSummary {
  const { envelope, saga, version } = snapshot;
  const { gid, name, initiator, lane, tags } = envelope;
  return {
    gid,
    kind: saga.plan.led === undefined ? 'saga' : 'led',
    name,
    initiator,
    lane,
    tags: { ...tags },
    outcome: outcomeOf(saga.state),
    state: saga.state,
    stuck: stuckSummary(snapshot),
    paused: saga.paused === undefined ? undefined : { ...saga.paused, since: iso(saga.paused.since) },
    abort: saga.abort,
    acceptedAt: iso(begunAt(saga)),
    deadlineAt: isoOrNone(saga.deadlineAt),
    endedAt: isoOrNone(saga.endedAt),
    version,
  };
}

/** What a person resolved may have had no row before that, and has begun long ago. */
function begunAt({ gid, acceptedAt, resolved }: Saga): number {
  return resolved === undefined ? acceptedAt : Math.min(gidTimeMs(gid), acceptedAt);
}

function stuckSummary({ saga, quarantinedAt }: Snapshot): StuckView | undefined {
  const stuck = isEnded(saga) ? undefined : stuckOf(saga);
  if (stuck !== undefined) {
    return stuckView(saga, stuck);
  }
  if (quarantinedAt === undefined) {
    return undefined;
  }
  return {
    reason: 'code',
    message:
      'A defect kept the coordinator from driving this transaction. Its log names the gid and the error.',
    since: iso(quarantinedAt),
    waysOut: ['retry', ...(isAbortable(saga) ? (['abort'] as const) : [])],
  };
}

/** Returns a transaction with all that is known of it. */
export function viewOf(snapshot: Snapshot): TransactionView {
  const { saga, owner } = snapshot;
  const summary = summaryOf(snapshot);
  // Named one by one: an object that grows out of a copy costs a hundred times as much, and each answer is one.
  return {
    gid: summary.gid,
    kind: summary.kind,
    name: summary.name,
    initiator: summary.initiator,
    lane: summary.lane,
    tags: summary.tags,
    outcome: summary.outcome,
    state: summary.state,
    stuck: withHalves(saga, summary.stuck),
    paused: summary.paused,
    abort: summary.abort,
    acceptedAt: summary.acceptedAt,
    deadlineAt: summary.deadlineAt,
    endedAt: summary.endedAt,
    version: summary.version,
    owner,
    input: saga.plan.led === undefined ? saga.plan.input : undefined,
    branches: saga.branches.map((branch) => branchView(saga, branch)),
    history: saga.history.map(historyView),
    historyDroppedCount: saga.historyDroppedCount,
  };
}

/** How many branches of each half are told. */
const HALF_COUNT_MAX = 100;

/** Whoever has to repair what is half confirmed needs both halves. Lists of transactions do without. */
function withHalves(saga: Saga, stuck: StuckView | undefined): StuckView | undefined {
  if (stuck === undefined || saga.state !== 'committing' || saga.plan.led === undefined) {
    return stuck;
  }
  if (!saga.branches.some((branch) => branch.stuck?.reason === 'mixed')) {
    return stuck;
  }
  const { confirmed, notConfirmed } = halvesOf(saga);
  const told = (half: readonly Branch[]): MixedBranch[] =>
    half.slice(0, HALF_COUNT_MAX).map(({ branchId, state }) => {
      const { service, action } = stepOf(saga, branchId);
      return { branchId, service, action, state };
    });
  return {
    ...stuck,
    mixed: {
      confirmedCount: confirmed.length,
      confirmed: told(confirmed),
      notConfirmedCount: notConfirmed.length,
      notConfirmed: told(notConfirmed),
    },
  };
}

type MixedBranch = NonNullable<StuckView['mixed']>['confirmed'][number];

function branchView(saga: Saga, branch: Branch): BranchView {
  const { branchId, state, round, undoRound, attempt, refusal, lastError, skip } = branch;
  const { service, action, after, pivot, led } = stepOf(saga, branchId);
  return {
    branchId,
    service,
    action,
    kind: led?.kind ?? 'saga',
    after: [...after],
    pivot,
    state,
    round,
    undoRound,
    attempt,
    nextAttemptAt: branch.isInFlight || isEnded(saga) ? undefined : isoOrNone(branch.dueAt),
    startedAt: isoOrNone(branch.startedAt),
    endedAt: isoOrNone(branch.endedAt),
    output: branch.output,
    refusal: refusal === undefined ? undefined : { reason: refusal.reason, details: refusal.details },
    lastError: lastError === undefined ? undefined : { ...lastError, at: iso(lastError.at) },
    stuck: branch.stuck === undefined ? undefined : stuckView(saga, { ...branch.stuck, branchId }),
    skipped: skip === undefined ? undefined : { by: skip.by, reason: skip.reason },
  };
}

function stuckView(saga: Saga, stuck: Stuck & { readonly branchId?: string }): StuckView {
  const { reason, message, since, branchId } = stuck;
  const canSkip = branchId !== undefined && skipHindrance(saga, branchId) === undefined;
  return {
    reason,
    message,
    since: iso(since),
    branchId,
    ...(branchId === undefined ? {} : stuckPart(saga, branchId)),
    waysOut: [
      ...(branchId === undefined ? [] : (['retry'] as const)),
      ...(canSkip ? (['skip'] as const) : []),
      ...(isAbortable(saga) ? (['abort'] as const) : []),
      ...(reason === 'log-restored' ? (['resolve'] as const) : []),
    ],
  };
}

function historyView(entry: HistoryEntry): TransactionView['history'][number] {
  const { at, what, branchId, round, attempt, by, message } = entry;
  return { at: iso(at), what, branchId, round, attempt, by, message };
}

function isoOrNone(at: number | undefined): string | undefined {
  return at === undefined ? undefined : iso(at);
}
