import { outcomeOf } from '@atone/core';
import { iso, snapshotOfRow, summaryOf, UnreadableRowError, type StoredRow } from '@atone/engine';
import type { StuckView, TransactionSummary, TransactionView } from '@atone/protocol';

/**
 * Returns a row as lists show it. One that this version cannot read is shown by its columns, as stuck: it must neither
 * be hidden nor hide the others.
 */
export function summaryOfRow(row: StoredRow): TransactionSummary {
  try {
    return summaryOf(snapshotOfRow(row));
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
    owner: row.owner,
    branches: [],
    history: [],
    historyDroppedCount: 0,
  };
}

function unreadableSummary(row: StoredRow, error: UnreadableRowError): TransactionSummary {
  const { gid, name, initiator, lane, tags, state, version } = row;
  const stuck: StuckView = {
    reason: 'code',
    message: `${error.message} A newer version of the coordinator may be able to.`,
    since: iso(row.stuckAt ?? row.updatedAt),
    waysOut: [],
  };
  return {
    gid,
    kind: row.kind === 'led' ? 'led' : 'saga',
    name,
    initiator,
    lane,
    tags: { ...tags },
    outcome: outcomeOf(state),
    state,
    stuck: row.finishedAt === undefined ? stuck : undefined,
    acceptedAt: iso(row.acceptedAt),
    deadlineAt: row.deadlineAt === undefined ? undefined : iso(row.deadlineAt),
    endedAt: row.finishedAt === undefined ? undefined : iso(row.finishedAt),
    version,
  };
}
