import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '@atone/embedded-kafka';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import type { KafkaLibraryName } from '@atone/kafka/connect';
import { createAtoneClient, type AtoneClient } from '@atone/participant';
import type { Pool } from 'pg';
import type { Exit } from './coordinator.process.js';
import { DeployedProcess } from './deployed.process.js';
import { openPool } from './open.pool.js';
import { until } from './until.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COORDINATOR = join(ROOT, 'apps', 'coordinator', 'dist', 'main.js');
const LOG_DATABASE = 'atone';

/** On a busy machine a dozen programs take their time. */
const READY_MS = 120_000;

/** A service of an example. */
export interface DeployedService {
  /** By which the catalogue knows it. */
  readonly name: string;
  /** Its program, below the repository's root. */
  readonly entry: string;
  readonly database: string;
  /** Which other service it has to find, and by which variable. */
  readonly needs?: { readonly service: string; readonly variable: string };
}

export interface DeploymentPlan {
  readonly services: readonly DeployedService[];
  readonly brokers: readonly string[];
  /** What the names of all topics begin with: one that nobody else has. */
  readonly prefix: string;
  /** Default: kafkajs. */
  readonly library?: KafkaLibraryName;
  /** Default: 2. */
  readonly coordinatorCount?: number;
  /** Of each service. Default: 2. */
  readonly instanceCount?: number;
  /** What coordinators are started with besides. */
  readonly coordinatorEnvironment?: Readonly<Record<string, string>>;
}

interface StateCount {
  readonly state: string;
  readonly stuck: string | null;
  readonly count: number;
}

/** Enough for as many instances as tests start. */
const PARTITION_COUNT = 4;

/**
 * An example in production: coordinators and several instances of each service, each a process that is started again when it
 * ends, on a PostgreSQL that keeps what it has confirmed, and on Kafka. Each has its name: `coordinator-1`, `stock-2`.
 */
export class KafkaDeployment {
  readonly coordinators: readonly string[];
  readonly folder = mkdtempSync(join(tmpdir(), 'atone-deployed-'));
  isStopped = false;
  private readonly processes = new Map<string, DeployedProcess>();
  private readonly ports = new Map<string, number>();
  private readonly pools = new Map<string, Pool>();
  private postgres: EmbeddedPostgres | undefined;

  private constructor(private readonly plan: DeploymentPlan) {
    this.coordinators = numbered('coordinator', plan.coordinatorCount ?? 2);
    // Else, as root, the data would have to lie elsewhere, and stay there.
    chmodSync(this.folder, 0o711);
  }

  /** Starts everything, and waits until all know each other. */
  static async start(plan: DeploymentPlan): Promise<KafkaDeployment> {
    const deployment = new KafkaDeployment(plan);
    try {
      await deployment.startAll();
      return deployment;
    } catch (error) {
      await deployment.stop();
      throw error;
    }
  }

  /** The names of all processes. */
  get names(): readonly string[] {
    return [...this.processes.keys()];
  }

  process(name: string): DeployedProcess {
    const found = this.processes.get(name);
    if (found === undefined) {
      throw new Error(`There is no process '${name}' among ${this.names.join(', ')}.`);
    }
    return found;
  }

  /** Where a coordinator's API, or a service's own, is. */
  url(name: string): string {
    return `http://127.0.0.1:${this.ports.get(name) ?? 0}`;
  }

  /** The instances of a service. */
  instancesOf(service: string): readonly string[] {
    return numbered(service, this.plan.instanceCount ?? 2);
  }

  /** A client of a coordinator that soon gives up: there is another one to ask. */
  client(coordinator: string): AtoneClient {
    return createAtoneClient({ url: this.url(coordinator), patience: 0 });
  }

  /** Runs a statement in one of the databases, as somebody who looks at the remains. */
  async query(database: string, statement: string): Promise<Record<string, unknown>[]> {
    const pool = this.pools.get(database) ?? openPool(this.server().url(database), 2);
    this.pools.set(database, pool);
    return (await pool.query<Record<string, unknown>>(statement)).rows;
  }

  /** Ends a process in order, and returns how it has ended. */
  async leave(name: string): Promise<Exit | undefined> {
    const leaving = this.process(name);
    await leaving.stop();
    return leaving.exits.at(-1);
  }

  /** Starts a process that has ended, in another environment if there are `changes`, and waits until it answers. */
  async comeBack(name: string, changes: Readonly<Record<string, string>> = {}): Promise<void> {
    this.process(name).start(changes);
    const url = this.healthUrl(name);
    await until(`${url} answers`, async () => isWell(url), READY_MS);
  }

  /** Returns, in sentences, which transactions have not ended, and whether there are as many as there should be, if that is known. */
  async openTransactions(count?: number): Promise<string[]> {
    const statement =
      'select state, stuck_reason as stuck, count(*)::int as count from atone.global_transaction group by 1, 2';
    const states = (await this.query(LOG_DATABASE, statement)) as unknown as StateCount[];
    const live = states.filter(({ state }) => state !== 'committed' && state !== 'aborted');
    const total = states.reduce((sum, one) => sum + one.count, 0);
    return [
      ...live.map((one) => `${one.count} transactions are ${one.state}, stuck: ${one.stuck ?? 'no'}`),
      ...(count === undefined || total === count
        ? []
        : [`the log has ${total} transactions instead of ${count}`]),
    ];
  }

  /** Ends PostgreSQL as a power cut would, and starts it again. */
  async killPostgres(): Promise<void> {
    const { pid, port } = this.server();
    process.kill(pid, 'SIGKILL');
    this.postgres = await this.startServer(port);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    const services = [...this.processes.values()].filter(({ name }) => !this.coordinators.includes(name));
    await Promise.all(services.map(async (service) => service.stop()));
    await Promise.all([...this.processes.values()].map(async (coordinator) => coordinator.stop()));
    await Promise.all([...this.pools.values()].map(async (pool) => pool.end()));
    await this.postgres?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async startAll(): Promise<void> {
    const { services, instanceCount = 2 } = this.plan;
    const postgres = await this.startServer();
    this.postgres = postgres;
    await this.drawPorts();
    const databaseUrl = await postgres.createDatabase(LOG_DATABASE);
    for (const { database } of services) {
      // oxlint-disable-next-line no-await-in-loop -- PostgreSQL copies one template at a time
      await postgres.createDatabase(database);
    }
    this.coordinators.forEach((name) => this.startCoordinator(name, databaseUrl));
    for (let instance = 1; instance <= instanceCount; instance += 1) {
      services.forEach((service) => this.startService(service, instance));
      // oxlint-disable-next-line no-await-in-loop -- the first instances make the tables
      await this.ready(instance);
    }
  }

  private async startServer(port?: number): Promise<EmbeddedPostgres> {
    return startPostgres({
      dataDir: join(this.folder, 'postgres'),
      durable: true,
      settings: { max_connections: '400' },
      ...(port === undefined ? {} : { port }),
    });
  }

  private async drawPorts(): Promise<void> {
    const services = this.plan.services.flatMap(({ name }) => this.instancesOf(name));
    const names = [...this.coordinators, ...services];
    const ports = await freePorts(names.length);
    names.forEach((name, at) => this.ports.set(name, ports[at] ?? 0));
  }

  private startCoordinator(name: string, databaseUrl: string): void {
    this.startProcess(name, COORDINATOR, {
      ATONE_DATABASE_URL: databaseUrl,
      ATONE_HTTP_PORT: String(this.ports.get(name)),
      ...this.kafkaEnvironment(),
      ...this.plan.coordinatorEnvironment,
    });
  }

  private startService({ name, entry, database, needs }: DeployedService, instance: number): void {
    const coordinator = this.coordinators[(instance - 1) % this.coordinators.length] ?? '';
    this.startProcess(`${name}-${instance}`, join(ROOT, entry), {
      DATABASE_URL: this.server().url(database),
      COORDINATOR_URL: this.url(coordinator),
      PORT: String(this.ports.get(`${name}-${instance}`)),
      ...(needs === undefined ? {} : { [needs.variable]: this.url(`${needs.service}-${instance}`) }),
      ...this.kafkaEnvironment(),
    });
  }

  private startProcess(name: string, entry: string, environment: Record<string, string>): void {
    const logFile = join(this.folder, `${name}.log`);
    const started = new DeployedProcess({ name, entry, environment, logFile });
    this.processes.set(name, started);
    started.start();
  }

  private kafkaEnvironment(): Record<string, string> {
    return {
      ATONE_KAFKA_BROKERS: this.plan.brokers.join(','),
      ATONE_KAFKA_CLIENT: this.plan.library ?? 'kafkajs',
      ATONE_KAFKA_PREFIX: this.plan.prefix,
      ATONE_KAFKA_PARTITIONS: String(PARTITION_COUNT),
    };
  }

  /** Waits until so many instances of each service have answered, and each coordinator knows them. */
  private async ready(instanceCount: number): Promise<void> {
    const services = this.plan.services.map(({ name }) => name);
    const last = services.map((name) => `${name}-${instanceCount}`);
    const urls = [...this.coordinators, ...last].map((name) => this.healthUrl(name));
    await Promise.all(urls.map(async (url) => until(`${url} answers`, async () => isWell(url), READY_MS)));
    const client = this.client(this.coordinators[0] ?? '');
    await until(
      'all services are in the catalogue',
      async () => {
        const entries = await client.participants();
        return services.every(
          (name) => entries.filter(({ service }) => service === name).length >= instanceCount,
        );
      },
      READY_MS,
    );
  }

  private healthUrl(name: string): string {
    return `${this.url(name)}/health${this.coordinators.includes(name) ? '/ready' : ''}`;
  }

  private server(): EmbeddedPostgres {
    if (this.postgres === undefined) {
      throw new Error('PostgreSQL is not running.');
    }
    return this.postgres;
  }
}

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${name}-${at + 1}`);
}

async function isWell(url: string): Promise<boolean> {
  return fetch(url).then(
    async (response) => {
      await response.body?.cancel();
      return response.ok;
    },
    () => false,
  );
}
