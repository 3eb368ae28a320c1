import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPostgresStore } from './open.store.js';
import { openStoreWorld, type StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

test('a log keeps what tells it from others, also in its next life, and another one has something else', async () => {
  const { store, side } = world;
  await side.query(`update atone.log_life set identity = 'of another server'`);

  const again = await openPostgresStore({ url: world.database.url, acceptLoss: true });
  const other = await openStoreWorld();

  expect(again.logId).toBe(store.logId);
  expect(other.store.logId).not.toBe(store.logId);
  await Promise.all([again.close(), other.end()]);
});
