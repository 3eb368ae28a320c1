import { setTimeout as delay } from 'node:timers/promises';
import {
  checkInvariants,
  fundingFor,
  orderKey,
  placeOrder,
  type Findings,
  type NewOrder,
} from '@atone/example-music-shop';
import { Pool } from 'pg';
import type { Ended, Standing, Surroundings, Work, Workload } from '../example.js';
import { QuickstartError } from '../quickstart.error.js';
import { resultOf } from './submission.result.js';
import { databaseOf, portOf, SERVICES, type ServiceName } from './music-shop.services.js';
import { openOrders, standingOf, type OrderRow } from './music-shop.standing.js';

/** How long one submission waits for its end before it is asked about again. */
const WAIT = '20s';
/** How many wallets are filled by one request. */
const FUND_COUNT = 1_000;
const PATIENCE_MS = 30_000;
const PAUSE_MS = 500;

const ORDERS = `
select order_no, customer_id, title, quantity, amount_cents, state, cancel_reason, gid
from shop_order
order by order_no`;

/** The orders of one file, placed at the services of the shop. */
export class MusicShopWork implements Workload {
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
    return openOrders(this.orders, await this.#rows()).map(workOf);
  }

  async standing(ended: readonly Ended[]): Promise<Standing> {
    const [rows, findings] = await Promise.all([this.#rows(), this.#check()]);
    return standingOf({ totalCount: this.orders.length, rows, ended, findings });
  }

  async close(): Promise<void> {
    await Promise.all(SERVICES.map((name) => this.#pools[name].end()));
  }

  #check(): Promise<Findings> {
    return checkInvariants({
      orders: (statement) => this.#query('orders', statement),
      stock: (statement) => this.#query('stock', statement),
      payments: (statement) => this.#query('payments', statement),
    });
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

  /** Repeats what a service does not answer: it may be on its way back. */
  async #put(name: ServiceName, path: string, body: object): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        return await put(`http://127.0.0.1:${portOf(name, this.surroundings)}${path}`, body);
      } catch (cause) {
        if (performance.now() > giveUpAt) {
          throw new QuickstartError(`The ${name} service does not take PUT ${path}: ${String(cause)}`, {
            cause,
          });
        }
      }
      // oxlint-disable-next-line no-await-in-loop -- see above
      await delay(PAUSE_MS);
    }
  }
}

async function put(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new Error(`it answered ${response.status} ${await response.text()}`);
  }
}

function workOf(order: NewOrder): Work {
  const key = orderKey(order.orderNo);
  return {
    key,
    submit: async (client) =>
      resultOf(await client.submit(placeOrder, order, { idempotencyKey: key, wait: WAIT })),
  };
}
