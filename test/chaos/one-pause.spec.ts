import { afterEach, expect, test } from '@jest/globals';
import { until } from '../harness/until.js';
import { someOrders } from './chaos.run.js';
import { ChaosWorld } from './chaos.world.js';
import { OrderLoad } from './order.load.js';
import { lostAt, oversleep, verdict } from './pause.run.js';
import { deedsOf, keepJournal, lastLine } from './row.journal.js';

let world: ChaosWorld | undefined;

afterEach(async () => {
  await world?.stop();
});

test('S9 L2 a coordinator that sleeps past its lease changes nothing of what another one has taken over, and goes on with new orders', async () => {
  const orders = await someOrders(60);
  const shop = await ChaosWorld.start(orders, { coordinatorCount: 2 });
  world = shop;
  await keepJournal(shop);
  const load = new OrderLoad(shop, orders);
  await load.open();

  const overslept = await oversleep(shop, load, 'coordinator');
  await until('it has found out about each', () => lostAt(shop, 'coordinator').length >= overslept.length);
  shop.thaw('stock');
  const awake = await lastLine(shop);
  load.burst('coordinator', 10);

  expect(await verdict(shop, load)).toEqual([]);
  expect(lostAt(shop, 'coordinator')).toEqual(expect.arrayContaining([...overslept]));
  const heir = await deedsOf(shop, 'second-coordinator');
  expect(heir.takenCount).toBeGreaterThanOrEqual(overslept.length);
  const sleeper = await deedsOf(shop, 'coordinator', awake);
  expect(Math.min(sleeper.acceptedCount, sleeper.endedCount)).toBeGreaterThan(0);
}, 120_000);
