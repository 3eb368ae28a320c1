import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { newRow, newRows } from './testing/row.factory.js';
import { emptyTables, openStoreWorld, shiftTime } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

const DAY_MS = 86_400_000;

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

beforeEach(() => emptyTables(world.side));

afterAll(() => world.end());

function keyed(key: string, bodyHash = 'hash') {
  return newRow({ idempotency: { key, bodyHash } });
}

test('a key is remembered for 7 days, and is free then', async () => {
  const { store, side } = world;
  const [first, early, late, after] = [
    keyed('k', 'one'),
    keyed('k', 'two'),
    keyed('k', 'three'),
    keyed('k', 'four'),
  ];
  await store.log.accept([first]);
  await shiftTime(side, 7 * DAY_MS - 60_000);
  const [before] = await store.log.accept([early]);
  await shiftTime(side, 60_000);

  const [then] = await store.log.accept([late]);

  expect(before).toEqual({ outcome: 'key-taken', gid: first.gid, bodyHash: 'one' });
  expect(then?.outcome).toBe('accepted');
  expect(await store.log.accept([after])).toEqual([
    { outcome: 'key-taken', gid: late.gid, bodyHash: 'three' },
  ]);
});

test('of two that use an expired key at the same time exactly one is accepted', async () => {
  const { store, side } = world;
  await store.log.accept([keyed('k')]);
  await shiftTime(side, 8 * DAY_MS);

  const answers = await Promise.all(Array.from({ length: 6 }, () => store.log.accept([keyed('k')])));

  expect(answers.flat().filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
});

test('asking with a taken key does not make it live longer', async () => {
  const { store, side } = world;
  await store.log.accept([keyed('k')]);
  await shiftTime(side, 6 * DAY_MS);
  await store.log.accept([keyed('k')]);

  await shiftTime(side, DAY_MS);

  expect((await store.log.accept([keyed('k')])).map(({ outcome }) => outcome)).toEqual(['accepted']);
});

test('expired keys are removed, no more at a time than was asked for, and the others stay', async () => {
  const { store, side } = world;
  await store.log.accept([keyed('a'), keyed('b'), keyed('c')]);
  await shiftTime(side, 7 * DAY_MS);
  await store.log.accept([keyed('d')]);

  const counts = [await store.log.deleteExpiredKeys(2), await store.log.deleteExpiredKeys(2)];

  const { rows } = await side.query('select key from atone.idempotency_key');
  expect([counts, rows]).toEqual([[2, 1], [{ key: 'd' }]]);
});

test('a key that was rolled back with its batch is free', async () => {
  const { store } = world;
  const row = newRow();
  await store.log.accept([row]);
  await expect(store.log.accept([keyed('k'), row])).rejects.toMatchObject({ sqlState: '23505' });

  const [answer] = await store.log.accept([keyed('k')]);

  expect(answer?.outcome).toBe('accepted');
});

test('a batch of a thousand rows with keys is accepted in one go', async () => {
  const rows = newRows(1_024).map((row, index) => ({
    ...row,
    idempotency: { key: `k${index}`, bodyHash: 'hash' },
  }));

  const answers = await world.store.log.accept(rows);

  expect(answers.every(({ outcome }) => outcome === 'accepted')).toBe(true);
});
