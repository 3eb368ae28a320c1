import { describeLogEndings } from '@atone/engine/conformance';
import { afterAll, beforeAll } from '@jest/globals';
import { emptyTables, openStoreWorld, shiftTime } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

describeLogEndings('PostgresLog', async () => {
  const { store, side } = world;
  await emptyTables(side);
  return {
    log: store.log,
    advance: (ms) => shiftTime(side, ms),
    beginLife: () => Promise.resolve(),
    acceptUnknownFormat: async (row) => {
      await store.log.accept([row]);
    },
    end: () => Promise.resolve(),
  };
});
