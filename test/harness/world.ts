import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { AtoneOptions, CleanUpOptions, Sagas, TransactionView } from '@atone/nestjs';
import type { INestApplicationContext } from '@nestjs/common';
import type { Pool } from 'pg';
import { openPool } from './open.pool.js';
import { ask, type Answer, type Question } from './rest.js';
import { Script } from './script.js';
import { startInitiator, startService, type ServiceApp, type ServiceName } from './service.app.js';
import { ServiceDatabase, type BarrierRow } from './service.database.js';
import { TestCoordinator, type CoordinatorSettings } from './test.coordinator.js';
import { until } from './until.js';

const SERVICES = ['stock', 'payments', 'shipping'] as const;

/** How much of each there is at first. */
export const FUNDS = 1_000;

export interface WorldSettings extends Omit<CoordinatorSettings, 'databaseUrl'> {
  readonly keys?: AtoneOptions['keys'];
  /** When services remove rows of their barriers, if not as usual. */
  readonly cleanUp?: CleanUpOptions;
}

/** A coordinator, three services, one that starts sagas, and a database for each of them. */
export class World {
  readonly script = new Script();
  private readonly running = new Map<ServiceName, ServiceApp>();
  private readonly others: TestCoordinator[] = [];
  private initiator: { readonly app: INestApplicationContext; readonly sagas: Sagas } | undefined;

  private constructor(
    private readonly settings: WorldSettings,
    private readonly log: { readonly database: TestDatabase; readonly pool: Pool },
    private readonly parts: Pick<World, 'coordinator' | 'databases'>,
  ) {}

  static async start(settings: WorldSettings = {}): Promise<World> {
    const logDatabase = await createTestDatabase();
    const [coordinator, stock, payments, shipping] = await Promise.all([
      TestCoordinator.start({ ...settings, databaseUrl: logDatabase.url }),
      ServiceDatabase.create(),
      ServiceDatabase.create(),
      ServiceDatabase.create(),
    ]);
    const pool = openPool(logDatabase.url, 2);
    const databases = { stock, payments, shipping };
    const world = new World(settings, { database: logDatabase, pool }, { coordinator, databases });
    world.initiator = await startInitiator(coordinator.url);
    await Promise.all([world.fund(), ...SERVICES.map(async (name) => world.startService(name))]);
    await until('all services are in the catalogue', async () => {
      const entered = await coordinator.client.participants();
      return SERVICES.every((name) => entered.some(({ service }) => service === name));
    });
    return world;
  }

  get coordinator(): TestCoordinator {
    return this.parts.coordinator;
  }

  get databases(): Readonly<Record<ServiceName, ServiceDatabase>> {
    return this.parts.databases;
  }

  get transport(): TestCoordinator['transport'] {
    return this.coordinator.transport;
  }

  /** What a service that starts sagas gets injected. */
  get sagas(): Sagas {
    if (this.initiator === undefined) {
      throw new Error('The world has not started.');
    }
    return this.initiator.sagas;
  }

  /** The URL of the log's database. */
  get logUrl(): string {
    return this.log.database.url;
  }

  async startService(name: ServiceName, port = 0): Promise<void> {
    const { script, settings, coordinator } = this;
    const databaseUrl = this.databases[name].url;
    const started = await startService(name, {
      databaseUrl,
      coordinatorUrl: coordinator.url,
      script,
      port,
      keys: settings.keys,
      cleanUp: settings.cleanUp,
    });
    this.running.set(name, started);
  }

  async stopService(name: ServiceName): Promise<void> {
    await this.running.get(name)?.app.close();
    this.running.delete(name);
  }

  provided<Provider extends object>(name: ServiceName, type: abstract new (...args: never[]) => Provider) {
    const service = this.running.get(name);
    if (service === undefined) {
      throw new Error(`The service '${name}' does not run.`);
    }
    return service.app.get<Provider>(type);
  }

  portOf(name: ServiceName): number {
    return this.running.get(name)?.port ?? 0;
  }

  /** Starts another coordinator on the same log. It stops with the world. */
  async startCoordinator(settings: Partial<CoordinatorSettings> = {}): Promise<TestCoordinator> {
    const other = await TestCoordinator.start({ ...this.settings, databaseUrl: this.logUrl, ...settings });
    this.others.push(other);
    return other;
  }

  /** Asks the REST API: `POST /v1/transactions`. */
  async ask<Body = unknown>(what: string, question?: Question): Promise<Answer<Body>> {
    const [method = 'GET', path = ''] = what.split(' ');
    return ask<Body>(`${method} ${this.coordinator.url}${path}`, question);
  }

  /** Returns the transaction once it has ended. */
  async ended(gid: string): Promise<TransactionView> {
    return until(`transaction ${gid} has ended`, async () => {
      const view = await this.coordinator.client.get(gid);
      return view.endedAt === undefined ? undefined : view;
    });
  }

  /** Returns the transaction once only an operator can move it. */
  async stuck(gid: string): Promise<TransactionView> {
    return until(`transaction ${gid} is stuck`, async () => {
      const view = await this.coordinator.client.get(gid);
      return view.stuck === undefined ? undefined : view;
    });
  }

  /** Returns the transaction once nobody drives it: it is stuck, and the coordinator keeps it in mind no more. */
  async setAside(gid: string): Promise<TransactionView> {
    return until(`transaction ${gid} is set aside`, async () => {
      const view = await this.coordinator.client.get(gid);
      return view.stuck !== undefined && view.owner === undefined ? view : undefined;
    });
  }

  /** What the branches of `gid` did in all databases, in the order in which they did it. */
  async effectsOf(gid: string): Promise<readonly string[]> {
    const lines = await Promise.all(SERVICES.map(async (name) => this.databases[name].linesOf(gid)));
    return lines
      .flat()
      .toSorted((left, right) => left.at - right.at)
      .map(({ what }) => what);
  }

  /** What the barriers of all services keep of `gid`, by branch. */
  async barriersOf(gid: string): Promise<Readonly<Record<string, BarrierRow>>> {
    const rows = await Promise.all(SERVICES.map(async (name) => this.databases[name].barrierOf(gid)));
    return Object.fromEntries(rows.flat().map((row) => [row.branchId, row]));
  }

  /** Asks the database of the log by plain SQL. */
  async queryLog<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.log.pool.query<Row>(sql, [...values])).rows;
  }

  /**
   * Ends all faults and directions of a test.
   *
   * @throws Error when the test has lost anything, or made something out of nothing.
   */
  async settle(): Promise<void> {
    this.transport.heal();
    this.script.clear();
    const names = await Promise.all(SERVICES.map(async (name) => this.databases[name].outOfBalance()));
    if (names.flat().length > 0) {
      throw new Error(`The journal does not account for what is left of: ${names.flat().join(', ')}.`);
    }
  }

  async close(): Promise<void> {
    this.script.clear();
    await Promise.all([...this.running.keys()].map(async (name) => this.stopService(name)));
    await this.initiator?.app.close();
    await Promise.all([this.coordinator, ...this.others].map(async (each) => each.close()));
    await this.log.pool.end();
    await this.log.database.drop();
    await Promise.all(SERVICES.map(async (name) => this.databases[name].drop()));
  }

  private async fund(): Promise<void> {
    const { stock, payments, shipping } = this.databases;
    await Promise.all([
      stock.fund('lamp', FUNDS),
      stock.fund('ribbon', FUNDS),
      payments.fund('ann', FUNDS),
      shipping.fund('north', FUNDS),
    ]);
  }
}
