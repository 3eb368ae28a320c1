import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newRow, newRows } from './testing/row.factory.js';
import { openStoreWorld } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

const OLD = [newRow({ services: ['rare'], tags: { order: '7' } }), newRow({ services: ['rare', 'stock'] })];

beforeAll(async () => {
  world = await openStoreWorld();
  const { log } = world.store;
  await log.accept(OLD);
  // More than are looked through one by one.
  for (let round = 0; round < 3; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one pool, and a batch has its limit.
    await log.accept(newRows(1_000));
  }
  await log.accept([newRow({ services: ['rare'] })]);
});

afterAll(() => world.end());

test('rows of a rare service are found however old, the newest first', async () => {
  const rows = await world.store.log.list({ service: 'rare', limit: 10 });

  expect(rows).toHaveLength(3);
  expect(rows.map(({ gid }) => gid)).toEqual(
    rows
      .map(({ gid }) => gid)
      .toSorted()
      .toReversed(),
  );
  expect(new Set(OLD.map(({ gid }) => gid))).toEqual(new Set(rows.slice(1).map(({ gid }) => gid)));
});

test('pages of a rare service follow each other', async () => {
  const { log } = world.store;
  const whole = await log.list({ service: 'rare', limit: 10 });

  const [first] = await log.list({ service: 'rare', limit: 1 });
  const rest = await log.list({ service: 'rare', afterGid: first?.gid, limit: 10 });

  expect([first, ...rest]).toEqual(whole);
});

test('a rare tag is found, and what else is asked for holds beyond the newest rows too', async () => {
  const { log } = world.store;
  const tag = { name: 'order', value: '7' };

  const found = await log.list({ tag, limit: 10 });

  expect(found.map(({ tags }) => tags)).toEqual([{ order: '7' }]);
  expect(await log.list({ tag, state: 'committed', limit: 10 })).toEqual([]);
  expect(await log.list({ tag, acceptedTo: Date.now() - 7_200_000, limit: 10 })).toEqual([]);
});

test('a page of a frequent service is full', async () => {
  expect(await world.store.log.list({ service: 'stock', limit: 200 })).toHaveLength(200);
});
