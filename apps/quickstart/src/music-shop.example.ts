import { join } from 'node:path';
import {
  BadPurchasesFileError,
  checkInvariants,
  fundingFor,
  orderKey,
  placeOrder,
  readPurchases,
  type NewOrder,
} from '@atone/example-music-shop';
import { Pool } from 'pg';
import type {
  Check,
  Ended,
  Example,
  ExampleService,
  Standing,
  Surroundings,
  Work,
  Workload,
} from './example.js';
import { REPOSITORY } from './options.js';
import { QuickstartError } from './quickstart.error.js';

const FOLDER = join(REPOSITORY, 'examples', 'music-shop');
const SERVICES = ['orders', 'stock', 'payments'] as const;
type ServiceName = (typeof SERVICES)[number];

/** How long one submission waits for its end before it is asked about again. */
const WAIT = '20s';
/** How many wallets are opened by one request. */
const FUND_COUNT = 1_000;

/** Three services and one saga: orders, stock, payments. */
export const musicShop: Example = {
  title: 'the music shop',
  noun: 'orders',
  databases: SERVICES.map(databaseOf),
  portCount: 2 * SERVICES.length,
  services: (surroundings) => SERVICES.map((name) => serviceOf(name, surroundings)),
  async load(file) {
    const orders = await read(file ?? join(FOLDER, 'data', 'cdnow-sample.csv'));
    return {
      totalCount: orders.length,
      open: async (surroundings) => new MusicShopWork(orders, surroundings),
    };
  },
};

function databaseOf(name: ServiceName): string {
  return `shop_${name}`;
}

function portOf(name: ServiceName, { firstPort }: Surroundings): number {
  return firstPort + SERVICES.indexOf(name);
}

function serviceOf(name: ServiceName, surroundings: Surroundings): ExampleService {
  const port = portOf(name, surroundings);
  const environment = {
    DATABASE_URL: surroundings.databaseUrls[databaseOf(name)] ?? '',
    COORDINATOR_URL: surroundings.coordinatorUrl,
    PORT: String(port),
    COMMANDS_PORT: String(port + SERVICES.length),
  };
  return {
    plan: { name, entry: join(FOLDER, 'dist', name, 'main.js'), environment },
    healthUrl: `http://127.0.0.1:${port}/health`,
  };
}

async function read(file: string): Promise<NewOrder[]> {
  try {
    return await readPurchases(file);
  } catch (error) {
    throw error instanceof BadPurchasesFileError
      ? new QuickstartError(error.message, { cause: error })
      : error;
  }
}

const ORDERS = `
select order_no, customer_id, title, quantity, amount_cents, state, cancel_reason, gid
from shop_order
order by order_no`;

interface OrderRow {
  readonly order_no: number;
  readonly customer_id: number;
  readonly title: string;
  readonly quantity: number;
  readonly amount_cents: number;
  readonly state: 'pending' | 'confirmed' | 'cancelled';
  readonly cancel_reason: string | null;
  readonly gid: string;
}

class MusicShopWork implements Workload {
  readonly #pools: Readonly<Record<ServiceName, Pool>>;

  constructor(
    private readonly orders: readonly NewOrder[],
    private readonly surroundings: Surroundings,
  ) {
    this.#pools = {
      orders: this.#poolOf('orders'),
      stock: this.#poolOf('stock'),
      payments: this.#poolOf('payments'),
    };
  }

  get totalCount(): number {
    return this.orders.length;
  }

  async prepare(): Promise<void> {
    const { wallets, titles } = fundingFor(this.orders);
    await this.#put('stock', '/titles', { titles });
    for (let from = 0; from < wallets.length; from += FUND_COUNT) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is fast enough, and gentle
      await this.#put('payments', '/wallets', { wallets: wallets.slice(from, from + FUND_COUNT) });
    }
  }

  async remaining(): Promise<Work[]> {
    const rows = new Map((await this.#rows()).map((row) => [row.order_no, row]));
    refuseOtherFile(this.orders, rows);
    // Who is pending was submitted by a start that did not see its end: the key makes it the same transaction.
    const isOpen = ({ orderNo }: NewOrder) => (rows.get(orderNo)?.state ?? 'pending') === 'pending';
    return this.orders.filter(isOpen).map(workOf);
  }

  async standing(ended: readonly Ended[]): Promise<Standing> {
    const rows = await this.#rows();
    const known = new Set(rows.map((row) => orderKey(row.order_no)));
    // Whoever aborts before its order was taken down leaves no row.
    const rowless = ended.filter(({ key, result }) => !known.has(key) && result.outcome === 'aborted');
    const cancelled = rows.filter(({ state }) => state === 'cancelled');
    const confirmed = rows.filter(({ state }) => state === 'confirmed');
    const reasons = [
      ...cancelled.map((row) => row.cancel_reason ?? 'unknown'),
      ...rowless.map(({ result }) => result.abort?.message ?? 'unknown'),
    ];
    return {
      committedCount: confirmed.length,
      abortedCounts: countEach(reasons),
      undecidedCount: this.orders.length - confirmed.length - reasons.length,
      checks: [...(await this.#checks()), outcomeCheck(rows, ended)],
      committedGid: confirmed[0]?.gid,
      abortedGid: cancelled[0]?.gid,
    };
  }

  async close(): Promise<void> {
    await Promise.all(SERVICES.map((name) => this.#pools[name].end()));
  }

  async #checks(): Promise<Check[]> {
    const findings = await checkInvariants({
      orders: (statement) => this.#query('orders', statement),
      stock: (statement) => this.#query('stock', statement),
      payments: (statement) => this.#query('payments', statement),
    });
    const { money, stock, twice } = findings;
    return [
      { label: 'Money conserved', value: yesOrNo(money), holds: money.length === 0, violations: money },
      { label: 'Stock conserved', value: yesOrNo(stock), holds: stock.length === 0, violations: stock },
      { label: 'Effects twice', value: String(twice.length), holds: twice.length === 0, violations: twice },
    ];
  }

  async #rows(): Promise<OrderRow[]> {
    return (await this.#query('orders', ORDERS)) as unknown as OrderRow[];
  }

  async #query(name: ServiceName, statement: string): Promise<Record<string, unknown>[]> {
    const { rows } = await this.#pools[name].query<Record<string, unknown>>(statement);
    return rows;
  }

  #poolOf(name: ServiceName): Pool {
    const pool = new Pool({ connectionString: this.surroundings.databaseUrls[databaseOf(name)], max: 2 });
    // A connection that breaks while nobody uses it is replaced; whoever uses one gets the error itself.
    pool.on('error', () => undefined);
    return pool;
  }

  async #put(name: ServiceName, path: string, body: object): Promise<void> {
    const url = `http://127.0.0.1:${portOf(name, this.surroundings)}${path}`;
    const response = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      throw new QuickstartError(
        `The ${name} service answered ${response.status} to PUT ${path}: ${await response.text()}`,
      );
    }
  }
}

function workOf(order: NewOrder): Work {
  const key = orderKey(order.orderNo);
  return { key, submit: (client) => client.submit(placeOrder, order, { idempotencyKey: key, wait: WAIT }) };
}

function refuseOtherFile(orders: readonly NewOrder[], rows: ReadonlyMap<number, OrderRow>): void {
  const differing = orders.find((order) => !isSame(order, rows.get(order.orderNo)));
  const beyond = [...rows.keys()].find((orderNo) => orderNo > orders.length);
  const orderNo = differing?.orderNo ?? beyond;
  if (orderNo !== undefined) {
    throw new QuickstartError(
      `The database holds orders of another file: its order ${orderNo} is not in this one. Begin anew with --fresh, or keep both with --data <another folder>.`,
    );
  }
}

function isSame(order: NewOrder, row: OrderRow | undefined): boolean {
  return (
    row === undefined ||
    (row.customer_id === order.customerId &&
      row.title === order.title &&
      row.quantity === order.quantity &&
      row.amount_cents === order.amountCents)
  );
}

const STATE_OF_OUTCOME = { committed: 'confirmed', aborted: 'cancelled' } as const;

/** What the coordinator said of an order must be what became of it. */
function outcomeCheck(rows: readonly OrderRow[], ended: readonly Ended[]): Check {
  const stateOf = new Map(rows.map((row) => [orderKey(row.order_no), row.state]));
  const violations = ended.flatMap(({ key, result: { outcome } }) => {
    const state = stateOf.get(key);
    const isAsSaid =
      outcome === 'undecided' ||
      state === STATE_OF_OUTCOME[outcome] ||
      (outcome === 'aborted' && state === undefined);
    return isAsSaid
      ? []
      : [`${key} is ${outcome} at the coordinator and ${state ?? 'absent'} in the database`];
  });
  return {
    label: 'Outcomes carried out',
    value: yesOrNo(violations),
    holds: violations.length === 0,
    violations,
  };
}

function countEach(reasons: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const reason of reasons.toSorted()) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

function yesOrNo(violations: readonly string[]): string {
  return violations.length === 0 ? 'yes' : 'no';
}
