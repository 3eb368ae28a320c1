import type { NewOrder } from '@atone/example-music-shop';
import { afterEach, expect, test } from '@jest/globals';
import type { Exit } from '../harness/coordinator.process.js';
import { realOrders, ShopDeployment, type Told } from '../harness/shop.deployment.js';
import { newName, testBrokers } from './kafka.client.js';

/** The machine may be slow, and has a dozen programs to run. */
const TIMEOUT_MS = 600_000;

/** More than are sold while all is restarted. */
const ORDER_COUNT_MAX = 7_000;

const CUSTOMER_COUNT = 16;

/** What became of those who were restarted at once, and how many orders ended meanwhile. */
interface Rolled {
  readonly names: readonly string[];
  readonly exits: readonly (Exit | undefined)[];
  readonly soldCount: number;
}

let shop: ShopDeployment | undefined;

afterEach(async () => {
  await shop?.stop();
  shop = undefined;
}, TIMEOUT_MS);

test.each(['kafkajs', 'platformatic'] as const)(
  'through %s, coordinators first and then services are restarted in turn while orders are placed: nobody stops selling, and nothing is stuck, lost or there twice',
  async (library) => {
    const orders = await realOrders(ORDER_COUNT_MAX);
    const started = await ShopDeployment.start(orders, {
      brokers: testBrokers(),
      prefix: newName('rolling'),
      library,
    });
    shop = started;
    const { deployment } = started;
    const sales = keepSelling(started, orders);
    const rolled: Rolled[] = [];

    for (const names of turnsOf(started)) {
      const before = sales.told.length;
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what a rolling restart is.
      const exits = await Promise.all(names.map(async (name) => deployment.restart(name)));
      rolled.push({ names, exits, soldCount: sales.told.length - before });
    }
    await sales.end();

    expect(await started.violations(sales.told.length, sales.told)).toEqual([]);
    expect(new Set(sales.told.map(({ outcome }) => outcome))).toEqual(new Set(['committed', 'aborted']));
    expect(rolled.filter(({ soldCount }) => soldCount === 0)).toEqual([]);
    // Whoever had to be killed would have ended by that. How soon a coordinator ends is up to the machine.
    expect(rolled.filter(({ exits }) => exits.some((exit) => exit?.signal === 'SIGKILL'))).toEqual([]);
    expect(deployment.names.filter((name) => deployment.process(name).startCount !== 2)).toEqual([]);
  },
  TIMEOUT_MS,
);

/** Has customers place one order after the other until `end` is called, which resolves when the last one has ended. */
function keepSelling(
  started: ShopDeployment,
  orders: readonly NewOrder[],
): { readonly told: readonly Told[]; readonly end: () => Promise<void> } {
  const told: Told[] = [];
  const queue = orders.values();
  let isOver = false;
  const customer = async (): Promise<void> => {
    for (const order of queue) {
      // oxlint-disable-next-line no-await-in-loop -- a customer buys one thing after the other
      told.push(...(await started.place([order])));
      if (isOver) {
        return;
      }
    }
  };
  const customers = Promise.all(Array.from({ length: CUSTOMER_COUNT }, customer));
  return {
    told,
    end: async () => {
      isOver = true;
      await customers;
    },
  };
}

/** Coordinators one by one, and then the first instances of all services, and the second ones. */
function turnsOf({ deployment }: ShopDeployment): readonly (readonly string[])[] {
  const services = deployment.names.filter((name) => !deployment.coordinators.includes(name));
  const instances = ['-1', '-2'].map((ending) => services.filter((name) => name.endsWith(ending)));
  return [...deployment.coordinators.map((name) => [name]), ...instances];
}
