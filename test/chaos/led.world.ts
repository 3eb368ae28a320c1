import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { freePorts } from '@atone/embedded-kafka';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import { createAtoneClient, migrateBarrier } from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import { Pool } from 'pg';
import { openPool } from '../harness/open.pool.js';
import { until } from '../harness/until.js';
import { ChaosChild } from './chaos.child.js';
import {
  BRANCHES,
  isEnded,
  ledViolations,
  OUT_OF_BALANCE,
  type BranchRow,
  type LogRow,
  type Remains,
} from './led.check.js';
import { EXTRA, type Booking, type Told } from '../harness/booking.contracts.js';
import { CREATE_LEDGER, FUND } from '../harness/booking.ledger.js';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const COORDINATOR = here('../../apps/coordinator/dist/main.js');
const LOADER = pathToFileURL(here('../../tools/typescript.loader.mjs')).href;
const REGISTER = `data:text/javascript,import{register}from'node:module';register('${LOADER}')`;
const ARMED = pathToFileURL(here('armed.preload.mjs')).href;

export const LED_SERVICES = ['office', 'purse', 'seats'] as const;
export const COORDINATORS = ['coordinator', 'second-coordinator'] as const;

/** One server has the log, the other one all ledgers. */
export const LED_SERVERS = ['log-postgres', 'ledger-postgres'] as const;

export type LedService = (typeof LED_SERVICES)[number];
export type LedChild = LedService | (typeof COORDINATORS)[number];
export type LedServer = (typeof LED_SERVERS)[number];

export interface LedWorldOptions {
  /** Two share the log: initiators decide at the first, and who is in doubt asks the second. Default: 1. */
  readonly coordinatorCount?: 1 | 2;
  /** Plants a bug: participants undo past their deadline without asking. */
  readonly decidesAlone?: boolean;
}

/** Whose funds there are; the last has few. */
export const ACCOUNTS = ['ann', 'bob', 'cleo', 'dan', 'poor'] as const;
const FUNDS = 1_000_000;
const FEW = 5;

/** Rows that a killed coordinator has driven are taken over after its lease, and participants ask with growing pauses. */
const SETTLE_MS = 60_000;

/** An initiator, two participants and their coordinators, each a process of its own that can be killed. */
export class LedWorld {
  readonly told: Told[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'atone-led-'));
  private readonly children = new Map<LedChild, ChaosChild>();
  private readonly ports = new Map<string, number>();
  private readonly pools = new Map<string, Pool>();
  private readonly coordinators: readonly LedChild[];
  private readonly underWay = new Set<Promise<Told | undefined>>();
  private readonly servers = new Map<LedServer, EmbeddedPostgres>();
  private readonly serverStarts: LedServer[] = [];
  private restarting: Promise<void> = Promise.resolve();
  isStopped = false;

  private constructor(private readonly options: LedWorldOptions) {
    this.coordinators = COORDINATORS.slice(0, options.coordinatorCount ?? 1);
    // Else, as root, the data would have to lie elsewhere, and stay there.
    chmodSync(this.folder, 0o711);
  }

  static async start(options: LedWorldOptions = {}): Promise<LedWorld> {
    const world = new LedWorld(options);
    try {
      await world.startAll();
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  /** How often a process was started. */
  startCount(name: LedChild | LedServer): number {
    const starts = this.serverStarts.filter((started) => started === name);
    return this.children.get(name as LedChild)?.startCount ?? starts.length;
  }

  /** Ends a process as a power cut would, and has it started again. */
  kill(name: LedChild | LedServer): void {
    if (name === 'log-postgres' || name === 'ledger-postgres') {
      this.restarting = this.restarting.then(async () => this.restart(name));
    } else {
      this.children.get(name)?.kill();
    }
  }

  thaw(name: LedChild): void {
    this.children.get(name)?.thaw();
  }

  /** Has a process end, or freeze, at its next pass of a failpoint, or a later one. */
  arm(
    name: LedChild,
    failpoint: string,
    {
      what = 'kill',
      pass = 1,
    }: { readonly what?: 'kill' | 'freeze'; readonly pass?: number | undefined } = {},
  ): void {
    const file = this.failpointFile(name);
    writeFileSync(`${file}.new`, `${failpoint} ${what} ${pass}`);
    renameSync(`${file}.new`, file);
  }

  /** Tells whether what was armed has not happened yet. */
  isArmed(name: LedChild): boolean {
    return existsSync(this.failpointFile(name));
  }

  /** Has the office book, and returns what it tells; undefined if it dies before that. */
  async book(booking: Partial<Booking> = {}): Promise<Told | undefined> {
    const body: Booking = {
      account: 'ann',
      amount: 2,
      timeoutMs: 3_000,
      holdsBelow: 0,
      wantsExtra: false,
      regrets: false,
      decisionDelayMs: 0,
      ...booking,
    };
    const answer = this.ask(body);
    this.underWay.add(answer);
    return answer.finally(() => this.underWay.delete(answer));
  }

  /** Reads from one of the databases. */
  async query<Row extends object>(database: LedService | 'atone', sql: string): Promise<readonly Row[]> {
    const pool = this.pools.get(database);
    return pool === undefined ? [] : (await pool.query<Row>(sql)).rows;
  }

  /** Waits until nothing is under way and nobody is in doubt, and returns, in sentences, all that does not hold. */
  async violations(): Promise<readonly string[]> {
    await Promise.all([...this.underWay, this.restarting]);
    await until('all has ended', async () => isQuiet(await this.remains()), SETTLE_MS).catch(() => undefined);
    return this.violationsNow();
  }

  /** Returns the same of what may not have ended yet. */
  async violationsNow(): Promise<readonly string[]> {
    return ledViolations(await this.remains());
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all([...this.children.values()].map(async (child) => child.stop()));
    await Promise.all([...this.pools.values()].map(async (pool) => pool.end()));
    await this.restarting.catch(() => undefined);
    await Promise.all([...this.servers.values()].map(async (server) => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async ask(booking: Booking): Promise<Told | undefined> {
    try {
      const response = await fetch(this.url('office'), { method: 'POST', body: JSON.stringify(booking) });
      const told = (await response.json()) as Told;
      this.told.push(told);
      return told;
    } catch {
      return undefined;
    }
  }

  private async remains(): Promise<Remains> {
    const log = await this.query<LogRow>(
      'atone',
      'select gid, state, stuck_reason as stuck from atone.global_transaction',
    );
    const branches: Record<string, readonly BranchRow[]> = {};
    const outOfBalance: string[] = [];
    for (const service of LED_SERVICES) {
      // oxlint-disable-next-line no-await-in-loop
      branches[service] = await this.query<BranchRow>(service, BRANCHES);
      // oxlint-disable-next-line no-await-in-loop
      const names = await this.query<{ name: string }>(service, OUT_OF_BALANCE);
      outOfBalance.push(...names.map(({ name }) => `${service} ${name}`));
    }
    return { log, branches, outOfBalance, told: this.told };
  }

  private async startAll(): Promise<void> {
    await Promise.all(LED_SERVERS.map(async (name) => this.startServer(name)));
    const names = [...this.coordinators, ...LED_SERVICES.map((service) => `${service}.commands`), 'office'];
    for (const [position, port] of (await freePorts(names.length)).entries()) {
      this.ports.set(names[position] ?? '', port);
    }
    const logUrl = await this.createDatabase('atone');
    const services = await Promise.all(LED_SERVICES.map(async (name) => this.createLedger(name)));
    for (const coordinator of this.coordinators) {
      this.startChild(coordinator, [COORDINATOR], {
        ATONE_DATABASE_URL: logUrl,
        ATONE_HTTP_PORT: String(this.ports.get(coordinator)),
      });
    }
    for (const [position, service] of LED_SERVICES.entries()) {
      this.startService(service, services[position] ?? '');
    }
    await this.awaitReady();
  }

  private startService(service: LedService, databaseUrl: string): void {
    const program = service === 'office' ? 'led.office.main.ts' : 'led.service.main.ts';
    const urls = LED_SERVICES.map((name) => [name, this.url(`${name}.commands`)]);
    this.startChild(service, ['--import', REGISTER, here(program)], {
      SERVICE: service,
      DATABASE_URL: databaseUrl,
      COORDINATOR_URL: this.url('coordinator'),
      DOUBTS_URL: this.url(this.coordinators.at(-1) ?? 'coordinator'),
      SERVICE_URLS: JSON.stringify(Object.fromEntries(urls)),
      COMMANDS_PORT: String(this.ports.get(`${service}.commands`)),
      PORT: String(this.ports.get(service)),
      ...(this.options.decidesAlone === true ? { DECIDES_ALONE: '1' } : {}),
    });
  }

  private startChild(name: LedChild, program: readonly string[], environment: Record<string, string>): void {
    const child = new ChaosChild({
      name,
      args: ['--import', ARMED, ...program],
      environment: { ...environment, FAILPOINT_FILE: this.failpointFile(name) },
      logFile: join(this.folder, `${name}.log`),
    });
    this.children.set(name, child);
    child.start();
  }

  private async createLedger(service: LedService): Promise<string> {
    const url = await this.createDatabase(service);
    const pool = this.pools.get(service);
    if (pool !== undefined) {
      await migrateBarrier(pgDatabase(pool));
      await pool.query(CREATE_LEDGER);
      await pool.query(FUND, [[...ACCOUNTS.filter((name) => name !== 'poor'), EXTRA], FUNDS]);
      await pool.query(FUND, [['poor'], service === 'purse' ? FEW : FUNDS]);
    }
    return url;
  }

  private async startServer(name: LedServer, port?: number): Promise<void> {
    const dataDir = join(this.folder, name);
    this.serverStarts.push(name);
    this.servers.set(
      name,
      await startPostgres({ dataDir, durable: true, ...(port === undefined ? {} : { port }) }),
    );
  }

  private async restart(name: LedServer): Promise<void> {
    const { pid, port } = this.server(name);
    process.kill(pid, 'SIGKILL');
    await this.startServer(name, port);
  }

  private server(name: LedServer): EmbeddedPostgres {
    const server = this.servers.get(name);
    if (server === undefined) {
      throw new Error(`The ${name} is not running.`);
    }
    return server;
  }

  private async createDatabase(name: string): Promise<string> {
    const server = this.server(name === 'atone' ? 'log-postgres' : 'ledger-postgres');
    const url = await server.createDatabase(name);
    this.pools.set(name, openPool(url, 2));
    return url;
  }

  private async awaitReady(): Promise<void> {
    for (const coordinator of this.coordinators) {
      const client = createAtoneClient({ url: this.url(coordinator), patience: 0 });
      // oxlint-disable-next-line no-await-in-loop -- one after the other, each waited for.
      await until(
        `the ${coordinator} knows all services`,
        async () => {
          const known = await client.participants().catch(() => []);
          return LED_SERVICES.every((name) => known.some(({ service }) => service === name));
        },
        SETTLE_MS,
      );
    }
    await until('the office takes bookings', async () => this.book(), SETTLE_MS);
  }

  private failpointFile(name: LedChild): string {
    return join(this.folder, `${name}.failpoint`);
  }

  private url(name: string): string {
    return `http://127.0.0.1:${this.ports.get(name) ?? 0}`;
  }
}

function isQuiet({ log, branches }: Remains): boolean {
  return (
    log.every(isEnded) &&
    Object.values(branches)
      .flat()
      .every(({ isInDoubt }) => !isInDoubt)
  );
}
