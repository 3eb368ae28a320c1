import { mintGid } from '@atone/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gidFloor } from './partitions.js';
import { mintGidAt, newRow } from './testing/row.factory.js';
import { openStoreWorld } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

const DAY_MS = 86_400_000;

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

async function partitions(): Promise<string[]> {
  const { rows } = await world.side.query<{ name: string }>(`
    select 'atone.' || c.relname as name
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'atone.global_transaction'::regclass
    order by 1`);
  return rows.map(({ name }) => name);
}

function dayName(ms: number): string {
  return `atone.global_transaction_${new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

test('there is a partition for each day from yesterday to seven days ahead', async () => {
  const days = Array.from({ length: 9 }, (_, index) => dayName(Date.now() + (index - 1) * DAY_MS));

  expect(await partitions()).toEqual(days);
});

test('a row is in the partition of the day on which its gid was minted', async () => {
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const rows = [mintGidAt(midnight - 1), mintGidAt(midnight)].map((gid) => newRow({ gid }));
  await world.store.log.accept(rows);

  const { rows: found } = await world.side.query(
    `select 'atone.' || c.relname as name
     from atone.global_transaction as t
     join pg_class as c on c.oid = t.tableoid
     where t.gid = any($1)
     order by t.gid`,
    [rows.map(({ gid }) => gid)],
  );

  expect(found).toEqual([{ name: dayName(midnight - 1) }, { name: dayName(midnight) }]);
});

test('missing partitions are made by several at once, with the indexes and room of the others', async () => {
  const { store, side } = world;
  const before = await partitions();
  const last = before.at(-1);
  await side.query(`drop table ${last}`);

  await Promise.all(Array.from({ length: 4 }, () => store.ensurePartitions()));

  expect(await partitions()).toEqual(before);
  const { rows } = await side.query(
    `select (select count(*)::int from pg_index where indrelid = c.oid) as index_count, c.reloptions
     from pg_class as c
     where c.oid = any($1::regclass[])`,
    [[last, before[0]]],
  );
  expect(rows[0]).toEqual({ index_count: 8, reloptions: ['fillfactor=70'] });
  expect(rows[1]).toEqual(rows[0]);
});

test('making a partition does not wait for those who read and write', async () => {
  const { store, side } = world;
  await side.query(`drop table ${(await partitions()).at(-1)}`);
  await side.query('begin');
  await side.query('update atone.global_transaction set updated_at = now()');

  await store.ensurePartitions();

  await side.query('rollback');
  expect(await partitions()).toHaveLength(9);
});

test('the floor of an instant lies between the gids minted before and after it', () => {
  const [zeros, ones] = [0, 255].map((octet) => ({
    next: () => 0,
    bytes: () => new Uint8Array(16).fill(octet),
  }));
  if (!zeros || !ones) throw new Error('There are two sources.');
  const instant = 1_767_225_600_123;

  expect(mintGid(instant - 1, 0xfff, ones) < gidFloor(instant)).toBe(true);
  expect(gidFloor(instant) < mintGid(instant, 0, zeros)).toBe(true);
});

test.each([
  [-1, '00000000-0000-0000-0000-000000000000'],
  [2 ** 60, 'ffffffff-ffff-0000-0000-000000000000'],
  [1.5, '00000000-0001-0000-0000-000000000000'],
])('the floor of %d is a uuid still', (ms, floor) => {
  expect(gidFloor(ms)).toBe(floor);
});

describe('each index of services and tags', () => {
  test('takes in a row at once, also one that an earlier version made', async () => {
    const { store } = world;
    await forgetTuning();

    await store.ensurePartitions();

    expect(await untuned()).toEqual([]);
  });

  test('stays as it is while somebody uses it for long, who would have all others wait', async () => {
    const { store, side } = world;
    const earlier = await forgetTuning();
    await side.query('begin');
    await side.query(`select from ${earlier}`);

    await store.ensurePartitions();

    await side.query('rollback');
    expect(await untuned()).toHaveLength(1);
    await store.ensurePartitions();
    expect(await untuned()).toEqual([]);
  });
});

/** Makes an index of a partition as an earlier version made it. Returns the partition. */
async function forgetTuning(): Promise<string> {
  const [earlier = ''] = await partitions();
  await world.side.query(`alter index ${earlier}_services_idx reset (fastupdate)`);
  expect(await untuned()).toHaveLength(1);
  return earlier;
}

async function untuned(): Promise<unknown[]> {
  const { rows } = await world.side.query(`
    select c.relname as name
    from pg_class as c
    where c.relkind = 'i'
      and c.relam = (select oid from pg_am where amname = 'gin')
      and c.relnamespace = 'atone'::regnamespace
      and c.reloptions is null`);
  return rows;
}
