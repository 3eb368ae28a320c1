import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkInvariants,
  fundingFor,
  orderKey,
  placeOrder,
  readPurchases,
  type NewOrder,
} from '@atone/example-music-shop';
import { AtoneClientError } from '@atone/participant';
import { KafkaDeployment, type DeployedService, type DeploymentPlan } from './kafka.deployment.js';
import { inLanes, LANE_COUNT, untilAnswered } from './lanes.js';
import { ask } from './rest.js';

const SAMPLE = fileURLToPath(new URL('../../examples/music-shop/data/cdnow-sample.csv', import.meta.url));

const SERVICES: readonly DeployedService[] = ['orders', 'stock', 'payments'].map((name) => ({
  name,
  entry: join('examples', 'music-shop', 'dist', name, 'main.js'),
  database: `shop_${name}`,
}));

/** The services take no more at once. */
const PART_COUNT_MAX = 1_000;

/** Returns the first `count` real orders of the sample. */
export async function realOrders(count: number): Promise<readonly NewOrder[]> {
  return (await readPurchases(SAMPLE)).slice(0, count);
}

/** What a customer was told. */
export interface Told {
  readonly orderNo: number;
  readonly gid: string;
  readonly outcome: string;
}

/** The music shop in production. */
export class ShopDeployment {
  private constructor(readonly deployment: KafkaDeployment) {}

  /** Starts it, and fills wallets and shelves for `orders`. */
  static async start(
    orders: readonly NewOrder[],
    plan: Omit<DeploymentPlan, 'services'>,
  ): Promise<ShopDeployment> {
    const deployment = await KafkaDeployment.start({ ...plan, services: SERVICES });
    const { wallets, titles } = fundingFor(orders);
    for (const part of inParts(titles)) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await put(`${deployment.url('stock-1')}/titles`, { titles: part });
    }
    for (const part of inParts(wallets)) {
      // oxlint-disable-next-line no-await-in-loop
      await put(`${deployment.url('payments-1')}/wallets`, { wallets: part });
    }
    return new ShopDeployment(deployment);
  }

  /**
   * Places all orders, each at the coordinators in turn until one says how it ended, and returns what was said. `onEnded` is told
   * how many have ended so far.
   */
  async place(
    orders: readonly NewOrder[],
    onEnded: (count: number) => void = () => undefined,
  ): Promise<Told[]> {
    const told: Told[] = [];
    await inLanes(LANE_COUNT, orders, async (order) => {
      told.push(await this.placeOne(order));
      onEnded(told.length);
    });
    return told;
  }

  /** Places one order at the coordinators in turn, until one says how it ended. */
  async placeOne(order: NewOrder): Promise<Told> {
    const { orderNo } = order;
    const clients = this.deployment.coordinators.map((name) => this.deployment.client(name));
    return untilAnswered(this.deployment, async (turn) => {
      const client = clients[(orderNo + turn) % clients.length];
      const request = { idempotencyKey: orderKey(orderNo), wait: '20s' } as const;
      const result = await client?.submit(placeOrder, order, request).catch(passing);
      const hasEnded = result?.state === 'committed' || result?.state === 'aborted';
      return hasEnded || result?.stuck !== undefined
        ? { orderNo, gid: result.gid, outcome: result.outcome }
        : undefined;
    });
  }

  /** Returns, in sentences, all that does not hold now that each order has ended. */
  async violations(orderCount: number, told: readonly Told[]): Promise<string[]> {
    const { deployment } = this;
    const [open, shop, rows] = await Promise.all([
      deployment.openTransactions(orderCount),
      checkInvariants({
        orders: async (statement) => deployment.query('shop_orders', statement),
        stock: async (statement) => deployment.query('shop_stock', statement),
        payments: async (statement) => deployment.query('shop_payments', statement),
      }),
      deployment.query('atone', 'select gid, state from atone.global_transaction'),
    ]);
    const stateOf = new Map(rows.map(({ gid, state }) => [gid, state]));
    const untrue = told.filter(({ gid, outcome }) => stateOf.get(gid) !== outcome);
    return [
      ...open,
      ...shop.money,
      ...shop.stock,
      ...shop.twice,
      ...shop.unfinished.map((orderNo) => `order ${orderNo} is still pending`),
      ...untrue.map(
        ({ orderNo, gid, outcome }) =>
          `order ${orderNo} was told ${outcome}, and is ${String(stateOf.get(gid))}`,
      ),
    ];
  }

  async stop(): Promise<void> {
    await this.deployment.stop();
  }
}

function inParts<One>(all: readonly One[]): readonly (readonly One[])[] {
  const count = Math.ceil(all.length / PART_COUNT_MAX);
  return Array.from({ length: count }, (_, at) => all.slice(at * PART_COUNT_MAX, (at + 1) * PART_COUNT_MAX));
}

/** @throws Error when it is refused: in a shop without money and stock nothing is ever sold. */
async function put(url: string, body: object): Promise<void> {
  const { status, body: words } = await ask(`PUT ${url}`, { body });
  if (status !== 200) {
    throw new Error(`${url} answered ${status}: ${JSON.stringify(words)}`);
  }
}

/** Who is down comes back, and who has just started may not know the services yet. */
function passing(error: unknown): undefined {
  if (!(error instanceof AtoneClientError)) {
    throw error;
  }
}
