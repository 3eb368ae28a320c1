import type { KafkaLibraryName } from '@atone/kafka/connect';
import { afterEach, expect, test } from '@jest/globals';
import type { Exit } from '../harness/coordinator.process.js';
import { realOrders, ShopDeployment } from '../harness/shop.deployment.js';
import { newName, testBrokers } from './kafka.client.js';
import { RollingSales } from './rolling.sales.js';
import { comeBackNewer, crashNewerAtWork, endedFormats, leftAlone } from './rolling.versions.js';

/** The machine may be slow, and has a dozen programs to run. */
const TIMEOUT_MS = 600_000;

/** More than are sold while all is restarted. */
const ORDER_COUNT_MAX = 7_000;

/** What others have to sell from beginning to end while somebody is away. */
const MEANWHILE_COUNT = 32;

/** How Atone's own program ends in order, and how Nest's do. */
const EXIT_OF_COORDINATOR: Exit = { code: 0, signal: null };
const EXIT_OF_SERVICE: Exit = { code: null, signal: 'SIGTERM' };

interface Selling {
  readonly shop: ShopDeployment;
  readonly sales: RollingSales;
}

let shop: ShopDeployment | undefined;

afterEach(async () => {
  await shop?.stop();
  shop = undefined;
}, TIMEOUT_MS);

test.each(['kafkajs', 'platformatic'] as const)(
  'through %s, coordinators first and then services are restarted in turn while orders are placed: all end in order, others go on selling, and nothing is stuck, lost or there twice',
  async (library) => {
    const selling = await startSelling(library);
    const { deployment } = selling.shop;
    const exits: Record<string, Exit | undefined> = {};

    for (const names of turnsOf(selling.shop)) {
      // oxlint-disable no-await-in-loop -- one after the other is what a rolling restart is.
      await Promise.all(names.map(async (name) => (exits[name] = await deployment.leave(name))));
      await selling.sales.more(MEANWHILE_COUNT);
      await Promise.all(names.map(async (name) => deployment.comeBack(name)));
      // oxlint-enable no-await-in-loop
    }

    expect(await soldWrongly(selling)).toEqual([]);
    expect(exits).toEqual(Object.fromEntries(deployment.names.map((name) => [name, exitOf(name)])));
    expect(deployment.coordinators.map((name) => stopCount(selling.shop, name))).toEqual([1, 1]);
  },
  TIMEOUT_MS,
);

test(
  'coordinators are replaced in turn by those of a version with a newer format, and one of these dies: the older one leaves its rows alone, in sight, and goes on selling; the newer ones end them',
  async () => {
    const selling = await startSelling('platformatic');
    const { deployment } = selling.shop;
    await deployment.leave('coordinator-1');
    await comeBackNewer(deployment, 'coordinator-1');
    await selling.sales.more(MEANWHILE_COUNT);

    await crashNewerAtWork(deployment, 'coordinator-1');
    const left = await leftAlone(deployment, 'coordinator-2', async () =>
      selling.sales.more(MEANWHILE_COUNT),
    );
    await deployment.comeBack('coordinator-1');
    await deployment.leave('coordinator-2');
    await comeBackNewer(deployment, 'coordinator-2');

    expect(left.seen).toEqual(
      left.before.map(({ state }) => ({ format: 2, state, branches: [], stuck: undefined })),
    );
    expect(left.unknownCount).toBe(left.before.length);
    expect(left.after).toEqual(left.before);
    expect(await soldWrongly(selling)).toEqual([]);
    expect(await endedFormats(deployment)).toEqual([1, 2]);
  },
  TIMEOUT_MS,
);

async function startSelling(library: KafkaLibraryName): Promise<Selling> {
  const orders = await realOrders(ORDER_COUNT_MAX);
  shop = await ShopDeployment.start(orders, { brokers: testBrokers(), prefix: newName('rolling'), library });
  return { shop, sales: new RollingSales(shop, orders) };
}

/** Ends the sales, and returns, in sentences, all that does not hold then. */
async function soldWrongly({ shop: sold, sales }: Selling): Promise<readonly string[]> {
  await sales.end();
  const outcomes = new Set(sales.told.map(({ outcome }) => outcome));
  return [
    ...(await sold.violations(sales.told.length, sales.told)),
    // What only ever ends in one way has not been put to the test.
    ...['committed', 'aborted']
      .filter((outcome) => !outcomes.has(outcome))
      .map((outcome) => `none was ${outcome}`),
  ];
}

function exitOf(name: string): Exit {
  return name.startsWith('coordinator-') ? EXIT_OF_COORDINATOR : EXIT_OF_SERVICE;
}

/** How often a coordinator has said that it has stopped, which it does when all is handed over. */
function stopCount({ deployment }: ShopDeployment, name: string): number {
  return deployment.process(name).output.split('coordinator stopped').length - 1;
}

/** Coordinators one by one, and then the first instances of all services, and the second ones. */
function turnsOf({ deployment }: ShopDeployment): readonly (readonly string[])[] {
  const services = deployment.names.filter((name) => !deployment.coordinators.includes(name));
  const instances = ['-1', '-2'].map((ending) => services.filter((name) => name.endsWith(ending)));
  return [...deployment.coordinators.map((name) => [name]), ...instances];
}
