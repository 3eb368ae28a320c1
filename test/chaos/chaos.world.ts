import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { freePorts } from '@atone/embedded-kafka';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import { checkInvariants, fundingFor, type NewOrder, type Query } from '@atone/example-music-shop';
import { createAtoneClient, type AtoneClient } from '@atone/participant';
import pg from 'pg';
import { ChaosChild } from './chaos.child.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COORDINATOR = join(ROOT, 'apps', 'coordinator', 'dist', 'main.js');
const PRELOAD = pathToFileURL(join(ROOT, 'test', 'chaos', 'failpoints.preload.mjs')).href;
const SERVICES = ['orders', 'stock', 'payments'] as const;

/** Those that share the log, if a world has two. */
export const COORDINATORS = ['coordinator', 'second-coordinator'] as const;

export type ServiceName = (typeof SERVICES)[number];
export type CoordinatorName = (typeof COORDINATORS)[number];
export type Victim = ServiceName | CoordinatorName | 'postgres';

type ChildName = Exclude<Victim, 'postgres'>;

export interface WorldOptions {
  /** Another program in the coordinator's place. */
  readonly coordinator?: string;
  /** Two share the log, and the services register at one or the other. Default: 1. */
  readonly coordinatorCount?: 1 | 2;
  /** What coordinators are started with besides. */
  readonly coordinatorEnvironment?: Readonly<Record<string, string>>;
  /** A failpoint at which the coordinator dies, and on which pass of each of its lives, as `name=kill@60`. */
  readonly coordinatorFailpoint?: string;
  /** Failpoints at which a service dies, and on which passes of each of its lives. */
  readonly failpoints?: {
    readonly [Name in ServiceName]?: { readonly name: string; readonly passes: string };
  };
}

/** What is of interest in a line of a coordinator's log. */
export interface LogLine {
  readonly msg: string;
  readonly instance?: string;
  readonly gid?: string;
}

/** The music shop with all its processes, on databases that keep what they have confirmed. */
export class ChaosWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'atone-chaos-'));
  private readonly children = new Map<string, ChaosChild>();
  private readonly ports = new Map<string, number>();
  private readonly coordinators: readonly CoordinatorName[];
  private postgres: EmbeddedPostgres | undefined;
  isStopped = false;

  private constructor(private readonly options: WorldOptions) {
    this.coordinators = COORDINATORS.slice(0, options.coordinatorCount ?? 1);
    // Else, as root, the data would have to lie elsewhere, and stay there.
    chmodSync(this.folder, 0o711);
  }

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

  /** A client that soon gives up, for those who have another coordinator to ask. */
  hastyClient(coordinator: CoordinatorName): AtoneClient {
    return createAtoneClient({ url: this.url(coordinator), patience: 0, requestTimeout: '1s' });
  }

  /** How often a child was started. */
  startCount(name: ChildName): number {
    return this.children.get(name)?.startCount ?? 0;
  }

  /** What a coordinator has logged so far. */
  linesOf(coordinator: CoordinatorName): readonly LogLine[] {
    const text = readFileSync(this.logFile(coordinator), 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** The name under which a coordinator owns rows, in this life. */
  instanceOf(coordinator: CoordinatorName): string {
    const started = this.linesOf(coordinator).findLast(({ msg }) => msg === 'coordinator started');
    return started?.instance ?? 'none yet';
  }

  /** Stops a process in the middle of whatever it does, as a suspended machine would. */
  freeze(name: ChildName): void {
    this.children.get(name)?.freeze();
  }

  /** Lets a frozen process go on as if no time had passed. */
  thaw(name: ChildName): void {
    this.children.get(name)?.thaw();
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
    const names = [...this.coordinators, ...SERVICES, ...SERVICES.map((service) => `${service}.commands`)];
    for (const [position, port] of (await freePorts(names.length)).entries()) {
      this.ports.set(names[position] ?? '', port);
    }
    const databaseUrl = await this.postgres.createDatabase('atone');
    for (const coordinator of this.coordinators) {
      this.startCoordinator(coordinator, databaseUrl);
    }
    for (const [position, service] of SERVICES.entries()) {
      const coordinator = this.coordinators[position % this.coordinators.length] ?? 'coordinator';
      // oxlint-disable-next-line no-await-in-loop
      const database = await this.postgres.createDatabase(`shop_${service}`);
      this.startService(service, { database, coordinator });
    }
    await this.awaitReady();
  }

  private startCoordinator(coordinator: CoordinatorName, databaseUrl: string): void {
    const failpoint = this.options.coordinatorFailpoint;
    this.startChild(coordinator, {
      args: [this.options.coordinator ?? COORDINATOR],
      environment: {
        ATONE_DATABASE_URL: databaseUrl,
        ATONE_HTTP_PORT: String(this.ports.get(coordinator)),
        ...(failpoint === undefined ? {} : { ATONE_TEST: '1', ATONE_FAILPOINTS: failpoint }),
        ...this.options.coordinatorEnvironment,
      },
    });
  }

  private startService(
    service: ServiceName,
    { database, coordinator }: { database: string; coordinator: CoordinatorName },
  ): void {
    const failpoint = this.options.failpoints?.[service];
    const entry = join(ROOT, 'examples', 'music-shop', 'dist', service, 'main.js');
    this.startChild(service, {
      args: failpoint === undefined ? [entry] : ['--import', PRELOAD, entry],
      environment: {
        DATABASE_URL: database,
        COORDINATOR_URL: this.url(coordinator),
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
    const child = new ChaosChild({ name, ...plan, logFile: this.logFile(name) });
    this.children.set(name, child);
    child.start();
  }

  private async awaitReady(): Promise<void> {
    for (const coordinator of this.coordinators) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, each waited for.
      await eventually(`the ${coordinator} to be ready and to know all services`, async () => {
        const health = await fetch(`${this.url(coordinator)}/health/ready`);
        const list = await fetch(`${this.url(coordinator)}/v1/participants`);
        const text = await list.text();
        return health.ok && SERVICES.every((service) => text.includes(`"${service}"`));
      });
    }
  }

  private async fund(orders: readonly NewOrder[]): Promise<void> {
    const { wallets, titles } = fundingFor(orders);
    await put(`${this.url('stock')}/titles`, { titles });
    await put(`${this.url('payments')}/wallets`, { wallets });
  }

  private logFile(name: string): string {
    return join(this.folder, `${name}.log`);
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
