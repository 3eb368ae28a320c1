import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import pg from 'pg';
import { Pool } from 'undici';
import { cpuSeconds } from './process-cpu.js';

const COORDINATOR = new URL('../../apps/coordinator/dist/main.js', import.meta.url).pathname;
const PARTICIPANT = new URL('./no-op.participant.js', import.meta.url).pathname;

/** A durable PostgreSQL, a coordinator and a participant that does nothing, each a process of its own on this machine. */
export class Rig {
  private constructor(
    private readonly parts: {
      readonly dataDir: string;
      readonly postgres: EmbeddedPostgres;
      readonly database: pg.Client;
      readonly children: Readonly<Record<'coordinator' | 'participant', ChildProcess>>;
      readonly http: Pool;
    },
  ) {}

  static async start(options: { readonly coordinatorArgs: readonly string[] }): Promise<Rig> {
    const dataDir = mkdtempSync(join(tmpdir(), 'atone-bench-'));
    // Else, as root, the data would have to lie elsewhere, and stay there.
    chmodSync(dataDir, 0o711);
    const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), durable: true });
    const databaseUrl = await postgres.createDatabase('atone');
    const database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
    const port = await freePort();
    const coordinator = spawn(process.execPath, [...options.coordinatorArgs, COORDINATOR], {
      env: {
        ...process.env,
        ATONE_DATABASE_URL: databaseUrl,
        ATONE_HTTP_PORT: String(port),
        ATONE_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const participant = fork(PARTICIPANT);
    const [address] = (await once(participant, 'message')) as [AddressInfo];
    const http = new Pool(`http://127.0.0.1:${port}`, { connections: 1_024, pipelining: 1 });
    const rig = new Rig({ dataDir, postgres, database, children: { coordinator, participant }, http });
    await rig.ready();
    await rig.register(`http://127.0.0.1:${address.port}`);
    return rig;
  }

  /** Submits a saga of `stepCount` no-op steps and waits for its end. */
  async saga(body: string): Promise<void> {
    const response = await this.parts.http.request({
      method: 'POST',
      path: '/v1/transactions?wait=30s',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const answer = await response.body.text();
    if (response.statusCode !== 200) {
      throw new Error(`The coordinator answered ${response.statusCode}: ${answer.slice(0, 500)}`);
    }
  }

  /** Returns the commits in the coordinator's database so far, reads included. */
  async commitCount(): Promise<number> {
    // The counters of a busy session reach the view about once a second.
    await pause(1_500);
    const { rows } = await this.parts.database.query<{ commits: string }>(
      `select xact_commit as commits from pg_stat_database where datname = 'atone'`,
    );
    return Number(rows[0]?.commits);
  }

  /** Returns the WAL that the server has written so far, in bytes. */
  async walBytes(): Promise<number> {
    const { rows } = await this.parts.database.query<{ bytes: string }>(
      `select wal_bytes as bytes from pg_stat_wal`,
    );
    return Number(rows[0]?.bytes);
  }

  cpu(): Readonly<Record<string, number>> {
    return cpuSeconds({
      coordinator: this.parts.children.coordinator.pid ?? 0,
      postgres: this.parts.postgres.pid,
      participant: this.parts.children.participant.pid ?? 0,
      load: process.pid,
    });
  }

  async stop(): Promise<void> {
    const { http, children, database, postgres, dataDir } = this.parts;
    await http.close();
    for (const child of Object.values(children)) {
      child.kill('SIGTERM');
      // oxlint-disable-next-line no-await-in-loop -- in order: the coordinator needs what it stands on until it is gone.
      await (child.exitCode === null ? once(child, 'exit') : undefined);
    }
    await database.end();
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
        const { statusCode, body } = await this.parts.http.request({ method: 'GET', path: '/health/ready' });
        // oxlint-disable-next-line no-await-in-loop
        await body.dump();
        if (statusCode === 200) {
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

  private async register(baseUrl: string): Promise<void> {
    const instance = {
      instance: 'bench-1',
      baseUrl,
      kind: 'library',
      protocol: 1,
      actions: [{ name: 'work', hasCompensation: true }],
    };
    const { statusCode, body } = await this.parts.http.request({
      method: 'PUT',
      path: '/v1/participants/bench/instances/bench-1',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(instance),
    });
    const text = await body.text();
    if (statusCode >= 300) {
      throw new Error(`The participant could not register: ${text}`);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
