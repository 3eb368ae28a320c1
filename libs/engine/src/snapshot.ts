import { isEnded, stuckOf, type Saga } from '@atone/core';
import type { StoredRow } from './log.port.js';
import { decodeEnvelope, decodeSaga, type Envelope } from './saga.codec.js';

/** A transaction as it stands, from memory where it is driven here and else from the log. */
export interface Snapshot {
  readonly envelope: Envelope;
  readonly saga: Saga;
  readonly version: number;
  readonly owner: string | undefined;
  /** Since when a defect keeps the coordinator from driving it. */
  readonly quarantinedAt?: number | undefined;
}

/** Returns the transaction of a row. @throws {UnreadableRowError} */
export function snapshotOfRow(row: StoredRow): Snapshot {
  const saga = decodeSaga(row);
  return {
    envelope: decodeEnvelope(row),
    saga,
    version: row.version,
    owner: row.owner,
    quarantinedAt: isQuarantined(row, saga) ? row.stuckAt : undefined,
  };
}

/** Tells whether the coordinator itself could not go on with a row, though none of its branches is stuck. */
export function isQuarantined(row: StoredRow, saga: Saga): boolean {
  return row.stuckReason !== undefined && !isEnded(saga) && stuckOf(saga) === undefined;
}
