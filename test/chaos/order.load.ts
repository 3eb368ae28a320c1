import { setTimeout as pause } from 'node:timers/promises';
import { orderKey, placeOrder, type NewOrder } from '@atone/example-music-shop';
import { AtoneClientError, type AtoneClient } from '@atone/participant';
import { until } from '../harness/until.js';
import { COORDINATORS, type ChaosWorld, type CoordinatorName } from './chaos.world.js';

/** Before somebody else is asked: some refuse at once. */
const BREATH_MS = 50;

interface Told {
  readonly gid: string;
  readonly outcome: string;
}

/** Orders that are placed at two coordinators, each under one key at whichever answers, and what was told of them. */
export class OrderLoad {
  placedCount = 0;
  private readonly clients: Readonly<Record<CoordinatorName, AtoneClient>>;
  private readonly queue: IterableIterator<NewOrder>;
  private readonly underWay: Promise<void>[] = [];
  private readonly told = new Map<number, Told>();
  private readonly complaints: string[] = [];
  private ticker: NodeJS.Timeout | undefined;

  constructor(
    private readonly world: ChaosWorld,
    orders: readonly NewOrder[],
  ) {
    this.clients = {
      coordinator: world.hastyClient('coordinator'),
      'second-coordinator': world.hastyClient('second-coordinator'),
    };
    this.queue = orders.values();
  }

  /** Places an order at each coordinator, and waits for its end: both then know all services. */
  async open(): Promise<void> {
    await Promise.all(
      COORDINATORS.map(async (coordinator) => {
        const order = this.next();
        await until(`an order has ended at the ${coordinator}`, async () =>
          this.ask(this.clients[coordinator], order),
        );
      }),
    );
  }

  /** Places `count` orders at once, which ask `coordinator` first. */
  burst(coordinator: CoordinatorName, count: number): void {
    for (let rest = count; rest > 0; rest -= 1) {
      this.place(coordinator);
    }
  }

  /** Places an order every `everyMs`, at one coordinator and the other in turn, until it is settled. */
  trickle(everyMs: number): void {
    this.ticker = setInterval(() => {
      if (this.world.isStopped) {
        clearInterval(this.ticker);
        return;
      }
      this.place(COORDINATORS[this.placedCount % COORDINATORS.length] ?? 'coordinator');
    }, everyMs);
  }

  /** Places no more, and returns, in sentences, what of the answers contradicts another one or the log. */
  async settle(): Promise<readonly string[]> {
    clearInterval(this.ticker);
    await Promise.all(this.underWay);
    const rows = await this.world.inspect('atone', async (query) =>
      query('select gid, state from atone.global_transaction'),
    );
    const stateOf = new Map(rows.map(({ gid, state }) => [gid, state]));
    const untrue = [...this.told].filter(([, { gid, outcome }]) => stateOf.get(gid) !== outcome);
    return [
      ...this.complaints,
      ...untrue.map(
        ([orderNo, { gid, outcome }]) =>
          `order ${orderNo} was told ${outcome}, and is ${String(stateOf.get(gid))}`,
      ),
    ];
  }

  private place(coordinator: CoordinatorName): void {
    const order = this.next();
    this.underWay.push(
      this.finish(order, coordinator).catch((error: unknown) => {
        this.complaints.push(`order ${order.orderNo} ended with ${String(error)}`);
      }),
    );
  }

  private next(): NewOrder {
    const { value: order } = this.queue.next() as IteratorResult<NewOrder, undefined>;
    if (order === undefined) {
      throw new Error('There are not enough orders for so long a run.');
    }
    this.placedCount += 1;
    return order;
  }

  /** Asks one coordinator and the other in turn until the order has ended: the key is the same at both. */
  private async finish(order: NewOrder, first: CoordinatorName): Promise<void> {
    for (let turn = COORDINATORS.indexOf(first); !this.world.isStopped; turn += 1) {
      const coordinator = COORDINATORS[turn % COORDINATORS.length] ?? first;
      // oxlint-disable-next-line no-await-in-loop -- who got no answer here asks there.
      if (await this.ask(this.clients[coordinator], order)) {
        return;
      }
    }
  }

  /** Returns whether the order has ended, or is stuck and so is an operator's. */
  private async ask(client: AtoneClient, order: NewOrder): Promise<boolean> {
    try {
      const idempotencyKey = orderKey(order.orderNo);
      const { gid, outcome, state, stuck } = await client.submit(placeOrder, order, {
        idempotencyKey,
        wait: '2s',
      });
      this.note(order.orderNo, { gid, outcome });
      return state === 'committed' || state === 'aborted' || stuck !== undefined;
    } catch (error) {
      // Whoever is frozen does not answer, and who has just started may not know the services yet.
      if (!(error instanceof AtoneClientError)) {
        throw error;
      }
      await pause(BREATH_MS);
      return false;
    }
  }

  private note(orderNo: number, told: Told): void {
    const before = this.told.get(orderNo);
    if (before !== undefined && before.gid !== told.gid) {
      this.complaints.push(`order ${orderNo} became two transactions, ${before.gid} and ${told.gid}`);
    }
    const wasDecided = before !== undefined && before.outcome !== 'undecided';
    // An instance that has just come back may know less than the other one, but nothing else.
    if (wasDecided && told.outcome !== 'undecided' && before.outcome !== told.outcome) {
      this.complaints.push(`order ${orderNo} was told ${before.outcome} and later ${told.outcome}`);
    }
    this.told.set(orderNo, wasDecided ? before : told);
  }
}
