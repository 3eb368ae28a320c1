import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { end, newRow } from './testing/row.factory.js';
import { emptyTables, openStoreWorld, shiftTime } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

beforeEach(() => emptyTables(world.side));

afterAll(() => world.end());

test('a dead instance is forgotten after an hour, but not while a live row names it', async () => {
  const { store } = world;
  const { log } = store;
  const [named, forgotten, recent, living] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const epoch = await log.epoch();
  const [kept, ended] = [newRow({ owner: named }), newRow({ owner: forgotten, epoch })];
  await log.accept([kept, ended]);
  await log.update([end(ended, 1)]);
  await log.renewLease(named, 1);
  await log.renewLease(forgotten, 1);
  await shiftTime(world.side, HOUR_MS + 1_000);
  await log.renewLease(recent, 0);
  await log.renewLease(living, 10_000);

  await store.cleanUp();

  const instances = await log.instances();
  expect(instances.map(({ instanceId }) => instanceId).toSorted()).toEqual(
    [named, recent, living].toSorted(),
  );
});

test('a participant that was not seen for a week is forgotten when its service has others', async () => {
  const { store } = world;
  const { catalogue } = store;
  const entry = { baseUrl: 'http://a', kind: 'library' as const, protocol: 1 as const, actions: [] };
  await catalogue.register('stock', { instance: 'old', ...entry });
  await catalogue.register('gone', { instance: 'old', ...entry });
  await shiftTime(world.side, 8 * DAY_MS);
  await catalogue.register('stock', { instance: 'new', ...entry });

  await store.cleanUp();

  const found = await catalogue.list();
  expect(found.map(({ service, instance }) => `${service}/${instance}`)).toEqual(['gone/old', 'stock/new']);
});

test('expired keys and counts of past days go', async () => {
  const { store } = world;
  const { log } = store;
  const row = newRow({ idempotency: { key: 'k', bodyHash: 'h' }, epoch: await log.epoch() });
  await log.accept([row]);
  await log.update([end(row, 1)]);
  await shiftTime(world.side, 8 * DAY_MS);

  await store.cleanUp();

  const { rows } = await world.side.query(`
    select (select count(*)::int from atone.idempotency_key) as key_count,
           (select count(*)::int from atone.finished_count) as minute_count`);
  expect(rows).toEqual([{ key_count: 0, minute_count: 0 }]);
  expect((await log.get(row.gid))?.state).toBe('committed');
});
