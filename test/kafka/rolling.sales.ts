import type { NewOrder } from '@atone/example-music-shop';
import type { ShopDeployment, Told } from '../harness/shop.deployment.js';
import { until } from '../harness/until.js';

const CUSTOMER_COUNT = 16;

/** Longer than a group takes to share out what somebody has left, on a machine with a dozen other programs. */
const PATIENCE_MS = 120_000;

/** Customers who place one order after the other while processes come and go. */
export class RollingSales {
  readonly told: Told[] = [];
  /** The places, among all that were begun, of those that have ended. */
  private readonly ended: number[] = [];
  private begunCount = 0;
  private isOver = false;
  private readonly queue: IterableIterator<NewOrder>;
  private readonly customers: Promise<unknown>;

  constructor(
    private readonly shop: ShopDeployment,
    orders: readonly NewOrder[],
  ) {
    this.queue = orders.values();
    this.customers = Promise.all(Array.from({ length: CUSTOMER_COUNT }, async () => this.buy()));
    // Whoever waits for some of them, or for all, is told.
    this.customers.catch(() => undefined);
  }

  /** Waits until so many orders have ended that are begun from now on. */
  async more(count: number): Promise<void> {
    const first = this.begunCount;
    const waiting = until(
      `${count} orders that are begun from now on have ended`,
      () => this.ended.filter((place) => place >= first).length >= count,
      PATIENCE_MS,
    );
    await Promise.race([waiting, this.customers.then(async () => waiting)]);
  }

  /** Has nobody begin another order, and waits until the last one has ended. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.customers;
  }

  private async buy(): Promise<void> {
    for (const order of this.queue) {
      const place = this.begunCount;
      this.begunCount += 1;
      // oxlint-disable-next-line no-await-in-loop -- a customer buys one thing after the other
      this.told.push(await this.shop.placeOne(order));
      this.ended.push(place);
      if (this.isOver) {
        return;
      }
    }
  }
}
