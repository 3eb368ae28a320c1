import { randomUUID } from 'node:crypto';
import { createTestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPostgresStore } from './open.store.js';
import { keep, newRow, OWNER } from './testing/row.factory.js';
import { openStoreWorld, type StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

test('a log begins in a life that none before it had, and stays in it', async () => {
  const { store, side } = world;

  const epoch = await store.log.epoch();

  const { rows } = await side.query<{ minutes: number }>(
    'select floor(extract(epoch from now()) / 60)::int as minutes',
  );
  expect(Math.abs(epoch - (rows[0]?.minutes ?? 0))).toBeLessThanOrEqual(1);
  expect(await store.log.epoch()).toBe(epoch);
});

test('a log that was promoted, or made anew, is in another life, whoever asks first', async () => {
  const { store, side } = world;
  const before = await store.log.epoch();
  await side.query(`update atone.log_life set identity = 'of another server'`);

  const epochs = await Promise.all([store.log.epoch(), store.log.epoch(), store.log.epoch()]);

  expect(new Set(epochs)).toEqual(new Set([await store.log.epoch()]));
  expect(epochs[0]).toBeGreaterThan(before);
});

test('a log that was restored from a dump is in another life', async () => {
  const { store, side } = world;
  const before = await store.log.epoch();
  await side.query(`
    create table atone.dumped as select * from atone.log_life;
    drop table atone.log_life;
    create table atone.log_life (
      began_at timestamptz(3) not null,
      epoch integer not null,
      is_only boolean primary key default true,
      identity text not null,
      log_id uuid not null default gen_random_uuid()
    );
    insert into atone.log_life select * from atone.dumped`);

  expect(await store.log.epoch()).toBeGreaterThan(before);
});

test('a log that was copied with its database is in another life', async () => {
  const original = await createTestDatabase();
  const before = await epochOf(original.url);
  const copy = new URL(original.url);
  copy.pathname += '_copy';
  const [from, to] = [original.url, copy.href].map((url) => new URL(url).pathname.slice(1));
  await world.side.query(`create database ${to} template ${from}`);

  expect(await epochOf(copy.href)).toBeGreaterThan(before);

  await world.side.query(`drop database ${to} with (force)`);
  await original.drop();
});

async function epochOf(url: string): Promise<number> {
  const store = await openPostgresStore({ url, acceptLoss: true });
  const epoch = await store.log.epoch();
  await store.close();
  return epoch;
}

test('nothing is inserted in a life that has not been counted yet', async () => {
  const { store, side } = world;
  const epoch = await store.log.epoch();
  await side.query(`update atone.log_life set identity = 'of another server'`);
  const row = newRow({ epoch });

  const [answer] = await store.log.insertIfAbsent([row]);

  expect(answer).toEqual({ outcome: 'other-life' });
  expect(await store.log.get(row.gid)).toBeUndefined();
});

test('what is accepted and taken over in a life that has not been counted yet is written by nobody before it is', async () => {
  const { store, side } = world;
  await store.log.epoch();
  await side.query(`update atone.log_life set identity = 'of another server'`);
  const [row, left] = [newRow(), newRow({ owner: randomUUID() })];

  const accepted = await store.log.accept([row, left]);
  const taken = [await store.log.claim(OWNER, row.gid), ...(await store.log.claimDue(OWNER, 10))];

  expect(accepted.map((answer) => answer.outcome === 'accepted' && answer.epoch)).toEqual([0, 0]);
  expect(taken.map((claimed) => [claimed?.gid, claimed?.epoch])).toEqual([
    [row.gid, 0],
    [left.gid, 0],
  ]);
  expect(await store.log.update([keep(row, 2), keep(left, 2)])).toEqual([false, false]);
  const epoch = await store.log.epoch();
  expect(await store.log.update([keep(row, 2), keep({ ...left, epoch }, 2)])).toEqual([false, true]);
});
