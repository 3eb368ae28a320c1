import { afterEach, describe, expect, test } from '@jest/globals';
import { SeededRandom } from '@atone/engine/testing';
import { fileURLToPath } from 'node:url';
import { until } from '../harness/until.js';
import { someOrders } from './chaos.run.js';
import { ChaosWorld, COORDINATORS, type CoordinatorName } from './chaos.world.js';
import { OrderLoad } from './order.load.js';
import { drawPauses, lostAt, oversleep, pauseOnce, verdict } from './pause.run.js';
import { deedsOf, journalViolations, keepJournal, lastLine, takenStates } from './row.journal.js';

const TRUSTING = fileURLToPath(new URL('./trusting.coordinator.mjs', import.meta.url));

/** About as long as it takes until somebody takes over: some of those transactions are then late and undone, others go on. */
const TIMEOUT = { ATONE_DEFAULT_TIMEOUT: '5500ms' };

let world: ChaosWorld | undefined;

afterEach(async () => {
  await world?.stop();
});

test('S1 S2 S9 L1 L2 orders survive 12 pauses of two coordinators in turn: each ends once, nothing twice, nothing lost', async () => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`CHAOS_SEED=${seed}\n`);
  const random = new SeededRandom(seed);
  const orders = await someOrders(6_000);
  // Towards the end of the run shelves are empty, and orders are refused.
  const shop = await ChaosWorld.start(orders.slice(0, 1_000), {
    coordinatorCount: 2,
    coordinatorEnvironment: TIMEOUT,
  });
  world = shop;
  await keepJournal(shop);
  const load = new OrderLoad(shop, orders);
  await load.open();
  load.trickle(100);

  for (const pause of drawPauses(12, () => random.next())) {
    // oxlint-disable-next-line no-await-in-loop -- at most one is frozen at a time, but where one hands over to the other.
    await pauseOnce(shop, load, pause);
  }
  const awake = await lastLine(shop);
  for (const coordinator of COORDINATORS) {
    load.burst(coordinator, 20);
  }

  expect(await verdict(shop, load)).toEqual([]);
  expect(await Promise.all(COORDINATORS.map(async (each) => experienceOf(shop, each, awake)))).toEqual(
    COORDINATORS.map(() => ({
      hasTakenOver: true,
      hasFoundOutAboutLosses: true,
      hasGoneOn: true,
      startCount: 1,
    })),
  );
  // Some that were taken over went on, and others came too late.
  expect(await takenStates(shop)).toEqual(['aborted', 'committed']);
});

describe('the check proves itself', () => {
  test('a coordinator that writes what it has lost is found out', async () => {
    const orders = await someOrders(100);
    const shop = await ChaosWorld.start(orders, { coordinatorCount: 2, coordinator: TRUSTING });
    world = shop;
    await keepJournal(shop);
    const load = new OrderLoad(shop, orders);
    await load.open();

    await oversleep(shop, load, 'coordinator');
    const found = await until('it has written what it has lost', async () => {
      const violations = await journalViolations(shop);
      return violations.some(isTheft) && violations;
    });

    expect(found.filter(isTheft).length).toBeGreaterThan(0);
  });
});

/** What a coordinator has lived through; `awake` is the journal's last line before the end. */
async function experienceOf(shop: ChaosWorld, coordinator: CoordinatorName, awake: number): Promise<object> {
  const all = await deedsOf(shop, coordinator);
  const { acceptedCount, endedCount } = await deedsOf(shop, coordinator, awake);
  return {
    hasTakenOver: all.takenCount > 0,
    hasFoundOutAboutLosses: lostAt(shop, coordinator).length > 0,
    hasGoneOn: acceptedCount > 0 && endedCount > 0,
    startCount: shop.startCount(coordinator),
  };
}

function isTheft(sentence: string): boolean {
  return /^transaction \S+ of \S+ was made \w+ by \S+$/u.test(sentence);
}
