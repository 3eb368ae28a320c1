import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { orderKey, placeOrder, readPurchases, type NewOrder } from '@atone/example-music-shop';
import { AtoneClientError, type AtoneClient } from '@atone/participant';
import type { ChaosWorld, Victim } from './chaos.world.js';

const SAMPLE = fileURLToPath(new URL('../../examples/music-shop/data/cdnow-sample.csv', import.meta.url));
const IN_FLIGHT = 32;

/** One kill: who, and after how many orders have ended. */
export interface Kill {
  readonly victim: Victim;
  readonly afterCount: number;
}

/** Returns the first `count` real orders of the sample. */
export async function someOrders(count: number): Promise<readonly NewOrder[]> {
  return (await readPurchases(join(SAMPLE))).slice(0, count);
}

/** Draws `count` kills over a run of `orderCount` orders; every victim has its turn. */
export function drawKills(count: number, orderCount: number, random: () => number): readonly Kill[] {
  const victims: readonly Victim[] = ['coordinator', 'orders', 'stock', 'payments', 'postgres'];
  return Array.from({ length: count }, (_, index) => {
    const share = (index + random()) / (count + 1);
    return {
      victim: victims[index % victims.length] ?? 'coordinator',
      afterCount: Math.floor(share * orderCount),
    };
  });
}

/** Submits all orders, kills as told on the way, and settles when each order has ended or is stuck. */
export async function runOrders(
  world: ChaosWorld,
  orders: readonly NewOrder[],
  kills: readonly Kill[],
): Promise<void> {
  const queue = orders.values();
  const pending = [...kills];
  let endedCount = 0;
  let killing: Promise<void> = Promise.resolve();
  const client = world.client;
  const lane = async (): Promise<void> => {
    for (const order of queue) {
      // oxlint-disable-next-line no-await-in-loop -- each lane has one order under way.
      await finish(world, client, order);
      endedCount += 1;
      while (pending[0] !== undefined && pending[0].afterCount <= endedCount) {
        const { victim } = pending.shift() ?? {};
        killing = killing.then(async () => (victim === undefined ? undefined : world.kill(victim)));
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  await killing;
}

/** Asks under the same key until the order has ended, or is stuck and so is an operator's. */
async function finish(world: ChaosWorld, client: AtoneClient, order: NewOrder): Promise<void> {
  // A test that ran out of time must not leave lanes behind that ask for ever.
  while (!world.isStopped) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the same key finds the same transaction.
      const result = await client.submit(placeOrder, order, {
        idempotencyKey: orderKey(order.orderNo),
        wait: '20s',
      });
      if (result.outcome !== 'undecided' && result.state !== 'aborting' && result.state !== 'committing') {
        return;
      }
      if (result.stuck !== undefined) {
        return;
      }
    } catch (error) {
      // Whoever is down comes back; a coordinator that has just started may not know the services yet.
      if (!(error instanceof AtoneClientError)) {
        throw error;
      }
    }
  }
}
