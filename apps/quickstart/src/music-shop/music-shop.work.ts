import {
  checkInvariants,
  fundingFor,
  orderKey,
  placeOrder,
  type Findings,
  type NewOrder,
} from '@atone/example-music-shop';
import type { Ended, Standing, Surroundings, Work, Workload } from '../example.js';
import { ServiceDatabases } from '../service.databases.js';
import { putPatiently } from '../service.put.js';
import { resultOf } from './submission.result.js';
import { databaseOf, portOf, type ServiceName } from './music-shop.services.js';
import { openOrders, standingOf, type OrderRow } from './music-shop.standing.js';

/** How long one submission waits for its end before it is asked about again. */
const WAIT = '20s';
/** How many wallets are filled by one request. */
const FUND_COUNT = 1_000;

const ORDERS = `
select order_no, customer_id, title, quantity, amount_cents, state, cancel_reason, gid
from shop_order
order by order_no`;

/** The orders of one file, placed at the services of the shop. */
export class MusicShopWork implements Workload {
  readonly #databases: ServiceDatabases<ServiceName>;

  constructor(
    private readonly orders: readonly NewOrder[],
    private readonly surroundings: Surroundings,
  ) {
    const urlOf = (name: ServiceName): string => surroundings.databaseUrls[databaseOf(name)] ?? '';
    this.#databases = new ServiceDatabases({
      orders: urlOf('orders'),
      stock: urlOf('stock'),
      payments: urlOf('payments'),
    });
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
    await this.#databases.close();
  }

  #check(): Promise<Findings> {
    return checkInvariants({
      orders: (statement) => this.#databases.query('orders', statement),
      stock: (statement) => this.#databases.query('stock', statement),
      payments: (statement) => this.#databases.query('payments', statement),
    });
  }

  async #rows(): Promise<OrderRow[]> {
    return (await this.#databases.query('orders', ORDERS)) as unknown as OrderRow[];
  }

  #put(name: ServiceName, path: string, body: object): Promise<void> {
    return putPatiently(`http://127.0.0.1:${portOf(name, this.surroundings)}${path}`, body);
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
