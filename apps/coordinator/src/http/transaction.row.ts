import { outcomeOf } from '@atone/core';
import {
  iso,
  snapshotOfRow,
  summaryOf,
  UnknownFormatError,
  UnreadableRowError,
  type StoredRow,
} from '@atone/engine';
import {
  STUCK_REASONS,
  type StuckView,
  type TransactionSummary,
  type TransactionView,
} from '@atone/protocol';

/**
 * Returns a row as lists show it. One that this version cannot read is shown by its columns: it must neither be hidden nor hide the
 * others. It is stuck, unless a newer version has written it, which may well go on with it.
 */
export function summaryOfRow(row: StoredRow): TransactionSummary {
  try {
    return { ...summaryOf(snapshotOfRow(row)), owner: row.owner };
  } catch (error) {
    if (error instanceof UnreadableRowError) {
      return unreadableSummary(row, error);
    }
    throw error;
  }
}

/** Returns what can be shown of a row that this version cannot read. */
export function unreadableView(row: StoredRow, error: UnreadableRowError): TransactionView {
  return {
    ...unreadableSummary(row, error),
    branches: [],
    history: [],
    historyDroppedCount: 0,
  };
}

function unreadableSummary(row: StoredRow, error: UnreadableRowError): TransactionSummary {
  const { gid, name, initiator, lane, owner, tags, state, version } = row;
  return {
    gid,
    kind: row.kind === 'led' ? 'led' : 'saga',
    name,
    initiator,
    lane,
    tags: { ...tags },
    outcome: outcomeOf(state),
    state,
    stuck: row.finishedAt === undefined ? stuckOf(row, error) : undefined,
    acceptedAt: iso(row.acceptedAt),
    deadlineAt: row.deadlineAt === undefined ? undefined : iso(row.deadlineAt),
    endedAt: row.finishedAt === undefined ? undefined : iso(row.finishedAt),
    owner,
    version,
    format: error instanceof UnknownFormatError ? error.format : undefined,
  };
}

/** What a newer version has written is stuck where that has said so. It may have reasons that are not known here. */
function stuckOf(row: StoredRow, error: UnreadableRowError): StuckView | undefined {
  const isNewer = error instanceof UnknownFormatError;
  if (isNewer && row.stuckReason === undefined) {
    return undefined;
  }
  return {
    reason: (isNewer ? STUCK_REASONS.find((reason) => reason === row.stuckReason) : undefined) ?? 'code',
    message: `${error.message} A newer version of the coordinator may be able to.`,
    since: iso(row.stuckAt ?? row.updatedAt),
    waysOut: [],
  };
}
