import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import pg from 'pg';
import { LogMeter } from './log.meter.js';
import { cpuSeconds } from './process-cpu.js';

const COORDINATOR = new URL('../../apps/coordinator/dist/main.js', import.meta.url).pathname;

/** The processes beside the coordinator and PostgreSQL. Without an initiator this process bears the load. */
export type RigChild = 'participant' | 'initiator';

/** CPU seconds since each part was started; NaN where an initiator was killed meanwhile. */
export type CpuReading = Readonly<Record<'coordinator' | 'postgres' | 'participant' | 'load', number>>;

/** A durable PostgreSQL and a coordinator, each a process of its own on this machine, and whoever is started beside them. */
export class Rig {
  readonly log: LogMeter;
  private readonly children = new Map<RigChild, ChildProcess>();
  private stopping: Promise<void> | undefined;

  private constructor(
    readonly url: string,
    private readonly parts: {
      readonly dataDir: string;
      readonly postgres: EmbeddedPostgres;
      readonly database: pg.Client;
      readonly coordinator: ChildProcess;
      readonly nodeArgs: readonly string[];
    },
  ) {
    this.log = new LogMeter(parts.database);
  }

  static async start(options: { readonly nodeArgs: readonly string[] }): Promise<Rig> {
    const dataDir = mkdtempSync(join(tmpdir(), 'atone-bench-'));
    // Else, as root, the data would have to lie elsewhere, and stay there.
    chmodSync(dataDir, 0o711);
    const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), durable: true });
    const databaseUrl = await postgres.createDatabase('atone');
    const database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
    const port = await freePort();
    const coordinator = spawn(process.execPath, [...options.nodeArgs, COORDINATOR], {
      env: {
        ...process.env,
        ATONE_DATABASE_URL: databaseUrl,
        ATONE_HTTP_PORT: String(port),
        ATONE_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const rig = new Rig(`http://127.0.0.1:${port}`, {
      ...options,
      dataDir,
      postgres,
      database,
      coordinator,
    });
    await rig.ready();
    return rig;
  }

  /** Makes a database beside that of the coordinator, and returns its URL. */
  createDatabase(name: string): Promise<string> {
    return this.parts.postgres.createDatabase(name);
  }

  /** Starts a process that is stopped with the others, and counted with them. */
  fork(name: RigChild, program: URL, settings: object = {}): ChildProcess {
    const child = fork(program, [JSON.stringify(settings)], {
      execArgv: [...this.parts.nodeArgs],
    });
    this.children.set(name, child);
    return child;
  }

  /** Returns the CPU seconds that each part has used so far. */
  cpu(): CpuReading {
    const initiator = this.children.get('initiator');
    const { load, ...others } = cpuSeconds({
      coordinator: this.parts.coordinator.pid ?? 0,
      postgres: this.parts.postgres.pid,
      participant: this.children.get('participant')?.pid ?? 0,
      load: initiator?.pid ?? 0,
    });
    if (initiator === undefined) {
      const { user, system } = process.cpuUsage();
      return { ...others, load: (user + system) / 1_000_000 };
    }
    return { ...others, load: isRunning(initiator) ? load : Number.NaN };
  }

  /** Stops all parts, and leaves nothing behind. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    const { coordinator, database, postgres, dataDir } = this.parts;
    for (const child of [coordinator, ...this.children.values()]) {
      child.kill('SIGTERM');
      // oxlint-disable-next-line no-await-in-loop -- in order: the coordinator needs what it stands on until it is gone.
      await (isRunning(child) ? once(child, 'exit') : undefined);
    }
    await database.end();
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
        const { ok } = await fetch(`${this.url}/health/ready`);
        if (ok) {
          return;
        }
      } catch {
        // Not listening yet.
      }
      // oxlint-disable-next-line no-await-in-loop
      await pause(100);
    }
    throw new Error('The coordinator was not ready within 30 s.');
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
