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

/** The update that leaves a row as it is, but for what is given. */
export function keep(
  row: { readonly gid: string },
  version: number,
  given: Partial<RowProgress> = {},
): RowUpdate {
  return { gid: row.gid, version, owner: OWNER, progress: running(given) };
}

export function end(row: { readonly gid: string }, version: number): RowUpdate {
  return { gid: row.gid, version, progress: { state: 'committed', isPaused: false, document: {} } };
}
