import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import { checkInvariants, fundingFor, type NewOrder, type Query } from '@atone/example-music-shop';
import { createAtoneClient, type AtoneClient } from '@atone/participant';
import pg from 'pg';
import { ChaosChild } from './chaos.child.js';
import { freePorts } from './free-ports.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COORDINATOR = join(ROOT, 'apps', 'coordinator', 'dist', 'main.js');
const PRELOAD = pathToFileURL(join(ROOT, 'test', 'chaos', 'failpoints.preload.mjs')).href;
const SERVICES = ['orders', 'stock', 'payments'] as const;

export type ServiceName = (typeof SERVICES)[number];
export type Victim = ServiceName | 'coordinator' | 'postgres';

export interface WorldOptions {
  /** Another program in the coordinator's place. */
  readonly coordinator?: string;
  /** A failpoint at which the coordinator dies, and on which pass of each of its lives, as `name=kill@60`. */
  readonly coordinatorFailpoint?: string;
  /** Failpoints at which a service dies, and on which passes of each of its lives. */
  readonly failpoints?: {
    readonly [Name in ServiceName]?: { readonly name: string; readonly passes: string };
  };
}

/** The music shop with all its processes, on databases that keep what they have confirmed. */
export class ChaosWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'atone-chaos-'));
  private readonly children = new Map<string, ChaosChild>();
  private readonly ports = new Map<string, number>();
  private postgres: EmbeddedPostgres | undefined;
  isStopped = false;

  private constructor(private readonly options: WorldOptions) {}

  /** Starts everything, and funds the shop for `orders`. */
  static async start(orders: readonly NewOrder[], options: WorldOptions = {}): Promise<ChaosWorld> {
    const world = new ChaosWorld(options);
    try {
      await world.startAll();
      await world.fund(orders);
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  get client(): AtoneClient {
    return createAtoneClient({ url: this.url('coordinator'), patience: '60s' });
  }

  /** How often a child was started. */
  startCount(name: Exclude<Victim, 'postgres'>): number {
    return this.children.get(name)?.startCount ?? 0;
  }

  /** Ends a process as a power cut would, and has it started again. */
  async kill(victim: Victim): Promise<void> {
    if (victim !== 'postgres') {
      this.children.get(victim)?.kill();
      return;
    }
    const { pid, port } = this.server();
    process.kill(pid, 'SIGKILL');
    this.postgres = await startPostgres({ dataDir: join(this.folder, 'postgres'), durable: true, port });
  }

  /** Runs statements in one of the databases, as somebody who looks at the remains. */
  async inspect<Answer>(database: string, look: (query: Query) => Promise<Answer>): Promise<Answer> {
    const client = new pg.Client({ connectionString: this.server().url(database) });
    await client.connect();
    try {
      return await look(async (statement) => (await client.query<Record<string, unknown>>(statement)).rows);
    } finally {
      await client.end();
    }
  }

  /** Returns, in sentences, all that does not hold now that nothing is under way. */
  async violations(orderCount: number): Promise<readonly string[]> {
    const states = await this.inspect('atone', async (query) =>
      query(
        'select state, stuck_reason as stuck, count(*)::int as count from atone.global_transaction group by 1, 2',
      ),
    );
    const live = states.filter(({ state }) => state !== 'committed' && state !== 'aborted');
    const total = states.reduce((sum, { count }) => sum + Number(count), 0);
    const shop = await this.inspect('shop_orders', async (ordersQuery) =>
      this.inspect('shop_stock', async (stock) =>
        this.inspect('shop_payments', async (payments) =>
          checkInvariants({ orders: ordersQuery, stock, payments }),
        ),
      ),
    );
    return [
      ...live.map(
        ({ state, stuck, count }) =>
          `${String(count)} transactions are ${String(state)}, stuck: ${String(stuck)}`,
      ),
      ...(total === orderCount ? [] : [`${total} transactions were accepted for ${orderCount} orders`]),
      ...shop.money,
      ...shop.stock,
      ...shop.twice,
      ...shop.unfinished.map((orderNo) => `order ${orderNo} is still pending`),
    ];
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all([...this.children.values()].map(async (child) => child.stop()));
    await this.postgres?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async startAll(): Promise<void> {
    this.postgres = await startPostgres({ dataDir: join(this.folder, 'postgres'), durable: true });
    const names = ['coordinator', ...SERVICES, ...SERVICES.map((service) => `${service}.commands`)];
    for (const [position, port] of (await freePorts(names.length)).entries()) {
      this.ports.set(names[position] ?? '', port);
    }
    this.startChild('coordinator', {
      args: [this.options.coordinator ?? COORDINATOR],
      environment: {
        ATONE_DATABASE_URL: await this.postgres.createDatabase('atone'),
        ATONE_HTTP_PORT: String(this.ports.get('coordinator')),
        ...(this.options.coordinatorFailpoint === undefined
          ? {}
          : { ATONE_TEST: '1', ATONE_FAILPOINTS: this.options.coordinatorFailpoint }),
      },
    });
    for (const service of SERVICES) {
      // oxlint-disable-next-line no-await-in-loop
      await this.startService(service, this.postgres);
    }
    await this.awaitReady();
  }

  private async startService(service: ServiceName, postgres: EmbeddedPostgres): Promise<void> {
    const failpoint = this.options.failpoints?.[service];
    const entry = join(ROOT, 'examples', 'music-shop', 'dist', service, 'main.js');
    this.startChild(service, {
      args: failpoint === undefined ? [entry] : ['--import', PRELOAD, entry],
      environment: {
        DATABASE_URL: await postgres.createDatabase(`shop_${service}`),
        COORDINATOR_URL: this.url('coordinator'),
        PORT: String(this.ports.get(service)),
        COMMANDS_PORT: String(this.ports.get(`${service}.commands`)),
        ...(failpoint === undefined ? {} : { FAILPOINT: failpoint.name, FAILPOINT_PASSES: failpoint.passes }),
      },
    });
  }

  private startChild(
    name: string,
    plan: { args: readonly string[]; environment: Record<string, string> },
  ): void {
    const child = new ChaosChild({ name, ...plan, logFile: join(this.folder, `${name}.log`) });
    this.children.set(name, child);
    child.start();
  }

  private async awaitReady(): Promise<void> {
    await eventually(
      'the coordinator to be ready',
      async () => (await fetch(`${this.url('coordinator')}/health/ready`)).ok,
    );
    await eventually('the services to register', async () => {
      const response = await fetch(`${this.url('coordinator')}/v1/participants`);
      const text = await response.text();
      return SERVICES.every((service) => text.includes(`"${service}"`));
    });
  }

  private async fund(orders: readonly NewOrder[]): Promise<void> {
    const { wallets, titles } = fundingFor(orders);
    await put(`${this.url('stock')}/titles`, { titles });
    await put(`${this.url('payments')}/wallets`, { wallets });
  }

  private url(name: string): string {
    return `http://127.0.0.1:${this.ports.get(name) ?? 0}`;
  }

  private server(): EmbeddedPostgres {
    if (this.postgres === undefined) {
      throw new Error('PostgreSQL is not running.');
    }
    return this.postgres;
  }
}

/** Asks until the answer is yes; errors count as no. @throws when it takes more than two minutes. */
async function eventually(what: string, ask: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
    if (await ask().catch(() => false)) {
      return;
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(200);
  }
  throw new Error(`Waited in vain for ${what}.`);
}

async function put(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new Error(`PUT ${url} was answered ${response.status}: ${await response.text()}`);
  }
}
