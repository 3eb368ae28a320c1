import { afterEach, expect, test } from '@jest/globals';
import { realOrders, ShopDeployment } from '../harness/shop.deployment.js';
import { newName, testBrokers, TestKafka } from './kafka.client.js';

/** The machine may be slow, and has a dozen programs to run. */
const TIMEOUT_MS = 600_000;

let shop: ShopDeployment | undefined;

afterEach(async () => {
  await shop?.stop();
  shop = undefined;
}, TIMEOUT_MS);

test.each([
  ['kafkajs', 2_000],
  ['platformatic', 500],
] as const)(
  'through %s, two coordinators and two of each service sell %i real orders: each ends, nothing twice, nothing lost',
  async (library, count) => {
    const orders = await realOrders(count);
    const prefix = newName('shop');
    const started = await ShopDeployment.start(orders, { brokers: testBrokers(), prefix, library });
    shop = started;

    const told = await started.place(orders);

    expect(await started.violations(orders.length, told)).toEqual([]);
    const { deployment } = started;
    expect(deployment.names.filter((name) => deployment.process(name).startCount > 1)).toEqual([]);
    const entries = await deployment.client('coordinator-1').participants();
    expect(entries.filter(({ baseUrl }) => baseUrl !== undefined)).toEqual([]);
    expect(entries).toHaveLength(6);
    const groups = ['orders', 'stock', 'payments'].map((service) => `${prefix}.${service}`);
    expect(await new TestKafka(testBrokers()).memberCounts(groups)).toEqual([2, 2, 2]);
  },
  TIMEOUT_MS,
);
