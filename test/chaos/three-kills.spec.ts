import { afterEach, expect, test } from '@jest/globals';
import { runOrders, someOrders, type Kill } from './chaos.run.js';
import { ChaosWorld } from './chaos.world.js';

let world: ChaosWorld | undefined;

afterEach(async () => {
  await world?.stop();
});

test('S4 S8 L1 orders survive a kill of the coordinator, of a service and of PostgreSQL: each ends, nothing twice, nothing lost', async () => {
  const orders = await someOrders(300);
  const kills: readonly Kill[] = [
    { victim: 'coordinator', afterCount: 60 },
    { victim: 'stock', afterCount: 130 },
    { victim: 'postgres', afterCount: 200 },
  ];
  world = await ChaosWorld.start(orders);

  await runOrders(world, orders, kills);

  expect(await world.violations(orders.length)).toEqual([]);
  expect(world.startCount('coordinator')).toBeGreaterThan(1);
}, 180_000);
