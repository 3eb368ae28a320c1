import { describeLogConformance } from '@atone/engine/conformance';
import { afterAll, beforeAll } from '@jest/globals';
import { cutBusyConnections, emptyTables, openStoreWorld, shiftTime } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

describeLogConformance(
  'PostgresLog',
  async () => {
    const { store, side } = world;
    await emptyTables(side);
    return {
      log: store.log,
      advance: (ms) => shiftTime(side, ms),
      beginLife: async () => {
        await side.query(`update atone.log_life set identity = 'of another server'`);
        await store.log.epoch();
      },
      acceptUnknownFormat: async (row) => {
        await store.log.accept([row]);
        await side.query('update atone.global_transaction set format = 99 where gid = $1', [row.gid]);
      },
      interrupt: () => cutBusyConnections(side),
      end: () => Promise.resolve(),
    };
  },
  { runCount: 60 },
);
