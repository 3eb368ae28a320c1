import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { LoadResult } from '../load.js';
import type { Rig } from '../rig.js';
import { measure, type StretchResult } from '../stretch.js';
import { LedInitiator, LedParticipant } from './led.rig.js';

const TIMEOUT = '5s';
const SWEEP_EVERY = '500ms';
const POLL_MS = 250;

const IN_DOUBT = `select count(*)::float8 as count from atone.barrier where doubt_at is not null`;

const NOT_UNDONE = `select count(*)::float8 as count from atone.barrier where state <> 'undone'`;

/** Kills an initiator before it has decided any of its transactions, and returns what it took until all were undone. */
export async function killInitiator(
  rig: Rig,
  shape: { readonly count: number; readonly inFlight: number },
): Promise<StretchResult> {
  const databaseUrl = await rig.createDatabase('bench');
  const participant = await LedParticipant.start(rig, databaseUrl);
  const initiator = new LedInitiator(rig);
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  try {
    const result = await measure(rig, async (): Promise<LoadResult> => {
      await initiator.abandon({ ...shape, timeout: TIMEOUT });
      await initiator.kill();
      await participant.sweep(SWEEP_EVERY);
      await untilUndone(database);
      return { count: shape.count, seconds: Number.NaN, p50: Number.NaN, p99: Number.NaN };
    });
    // Most of it was waiting for the deadline.
    return { ...result, seconds: Number.NaN };
  } finally {
    await database.end();
  }
}

async function untilUndone(database: pg.Client): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
  while ((await count(database, IN_DOUBT)) > 0) {
    // oxlint-disable-next-line no-await-in-loop
    await pause(POLL_MS);
  }
  const left = await count(database, NOT_UNDONE);
  if (left > 0) {
    throw new Error(`${left} branches of a dead initiator were not undone.`);
  }
}

async function count(database: pg.Client, statement: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(statement);
  return rows[0]?.count ?? 0;
}
