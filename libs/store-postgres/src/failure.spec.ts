import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { PostgresLog } from './log.postgres.js';
import { isUnavailable } from './pg-failure.js';
import { end, keep, mintGidAt, newRow, running } from './testing/row.factory.js';
import { openStoreWorld } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

const DAY_MS = 86_400_000;

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

test.each([8, 30])('a gid from %i days ahead is refused with the reason', async (days) => {
  const accepting = world.store.log.accept([newRow({ gid: mintGidAt(Date.now() + days * DAY_MS) })]);

  await expect(accepting).rejects.toMatchObject({
    code: 'LOG_DAY_OUT_OF_RANGE',
    retryable: false,
    message: expect.stringContaining('seven days ahead'),
  });
});

test('a gid of the days around today is accepted', async () => {
  const days = [-1, 0, 1, 6];
  const rows = days.map((day) => newRow({ gid: mintGidAt(Date.now() + day * DAY_MS) }));

  const answers = await world.store.log.accept(rows);

  expect(answers).toHaveLength(days.length);
});

test('a live row without a due time is refused before anything is sent', async () => {
  const { log } = world.store;
  const row = newRow();
  await log.accept([row]);

  await expect(log.accept([newRow({ progress: running({ dueInMs: undefined }) })])).rejects.toMatchObject({
    code: 'LOG_MISSING_DUE',
  });
  await expect(log.update([keep(row, 1, { dueInMs: undefined })])).rejects.toMatchObject({
    code: 'LOG_MISSING_DUE',
  });
});

test('a row cannot be accepted as one that has ended', async () => {
  const progress = { ...end(newRow(), 1).progress, dueInMs: 1 };

  await expect(world.store.log.accept([newRow({ progress })])).rejects.toMatchObject({
    code: 'LOG_ROW_ENDED',
  });
});

test('after the server has closed all connections the log works again by itself', async () => {
  const { store, side } = world;
  await Promise.all([store.log.counts(), store.log.get(newRow().gid)]);
  await side.query(`
    select pg_terminate_backend(pid)
    from pg_stat_activity
    where datname = current_database()
      and pid <> pg_backend_pid()`);
  await eventually(() => store.log.counts());

  const [answer] = await eventually(() => store.log.accept([newRow()]));

  expect(answer?.outcome).toBe('accepted');
});

test('a statement that the server gave up is unavailable, and what it was to write is not there', async () => {
  const { store, side } = world;
  const row = newRow();
  await side.query('begin');
  await side.query('lock table atone.global_transaction in access exclusive mode');
  const accepting = store.log.accept([row]);

  await Promise.all([
    expect(accepting).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true }),
    cancelWhoWaits(),
  ]);

  await side.query('rollback');
  expect(await store.log.get(row.gid)).toBeUndefined();
});

test('a log whose connections are closed is unavailable', async () => {
  const closed = await openStoreWorld();
  const { log } = closed.store;
  await closed.end();

  expect(log).toBeInstanceOf(PostgresLog);
  await expect(log.get(newRow().gid)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  await expect(log.list({ limit: 1 })).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
});

test.each([
  ['a refused connection', { code: 'ECONNREFUSED' }, true],
  ['a broken one', new Error('Connection terminated unexpectedly'), true],
  ['a server that shuts down', { code: '57P01' }, true],
  ['too many connections', { code: '53300' }, true],
  ['a full disk', { code: '53100' }, true],
  ['a deadlock', { code: '40P01' }, true],
  ['a standby', { code: '25006' }, true],
  ['a violated constraint', { code: '23514' }, false],
  ['a missing table', { code: '42P01' }, false],
  ['a missing right', { code: '42501' }, false],
])('whether %s may pass by itself', (_what, cause, isPassing) => {
  expect(isUnavailable(cause)).toBe(isPassing);
});

async function cancelWhoWaits(): Promise<void> {
  const operator = new pg.Client({ connectionString: world.database.url });
  await operator.connect();
  for (let rowCount: number | null = 0; rowCount === 0;) {
    // oxlint-disable-next-line no-await-in-loop -- until somebody waits.
    ({ rowCount } = await operator.query(`
      select pg_cancel_backend(pid)
      from pg_stat_activity
      where datname = current_database()
        and wait_event_type = 'Lock'`));
  }
  await operator.end();
}

/** A connection that has just been closed may answer the first request with an error. */
async function eventually<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch {
    return eventually(ask);
  }
}
