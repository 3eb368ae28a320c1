import { randomBytes, randomUUID } from 'node:crypto';
import { mintGid } from '@atone/core';
import type { NewRow, RowProgress, RowUpdate } from '@atone/engine';

const RANDOM = { next: () => Math.random(), bytes: (count: number) => new Uint8Array(randomBytes(count)) };

export const OWNER = randomUUID();

export function mintGidAt(ms: number): string {
  return mintGid(ms, 0, RANDOM);
}

export function newRow(given: Partial<NewRow> = {}): NewRow {
  return {
    gid: mintGidAt(Date.now()),
    kind: 'saga',
    name: 'place-order',
    tags: {},
    services: ['stock', 'bank'],
    owner: OWNER,
    plan: { steps: ['reserve', 'charge'] },
    progress: running(),
    ...given,
  };
}

export function newRows(count: number, given: Partial<NewRow> = {}): NewRow[] {
  return Array.from({ length: count }, () => newRow(given));
}

export function running(given: Partial<RowProgress> = {}): RowProgress {
  return { state: 'running', isPaused: false, dueInMs: 30_000, document: { step: 0 }, ...given };
}

/** The update that leaves a row as it is, but for what is given. It names the life of the log that the row is for. */
export function keep(
  row: Pick<NewRow, 'gid' | 'epoch'>,
  version: number,
  given: Partial<RowProgress> = {},
): RowUpdate {
  return { gid: row.gid, version, epoch: row.epoch ?? 0, owner: OWNER, progress: running(given) };
}

export function end(row: Pick<NewRow, 'gid' | 'epoch'>, version: number): RowUpdate {
  const progress = { state: 'committed' as const, isPaused: false, document: {} };
  return { gid: row.gid, version, epoch: row.epoch ?? 0, progress };
}
