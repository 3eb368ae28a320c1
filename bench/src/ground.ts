import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import pg from 'pg';

export interface GroundOptions {
  /** For the processes that are started here. */
  readonly nodeArgs: readonly string[];
  /** Whether there is an Apache Kafka. */
  readonly withKafka?: boolean;
}

/** What all stand on: a durable PostgreSQL, brokers where they are wanted, and the processes beside, on this machine. */
export class Ground {
  private readonly children: ChildProcess[] = [];
  private readonly connections: pg.Client[] = [];
  private stopping: Promise<void> | undefined;

  private constructor(
    private readonly nodeArgs: readonly string[],
    private readonly parts: {
      readonly dataDir: string;
      readonly postgres: EmbeddedPostgres;
      readonly kafka: EmbeddedKafka | undefined;
    },
  ) {}

  static async start({ nodeArgs, withKafka = false }: GroundOptions): Promise<Ground> {
    const kafka = withKafka ? await startThrowawayKafka() : undefined;
    const dataDir = mkdtempSync(join(tmpdir(), 'atone-bench-'));
    // Else, as root, the data would have to lie elsewhere, and stay there.
    chmodSync(dataDir, 0o711);
    const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), durable: true });
    return new Ground(nodeArgs, { dataDir, postgres, kafka });
  }

  get postgresPid(): number {
    return this.parts.postgres.pid;
  }

  /** 0 where there is none. */
  get brokerPid(): number {
    return this.parts.kafka?.pid ?? 0;
  }

  get brokers(): readonly string[] {
    return this.parts.kafka?.brokers ?? [];
  }

  /** Makes a database, and returns its URL. */
  createDatabase(name: string): Promise<string> {
    return this.parts.postgres.createDatabase(name);
  }

  /** Returns a connection that is closed in the end. */
  async connect(databaseUrl: string): Promise<pg.Client> {
    const connection = new pg.Client({ connectionString: databaseUrl });
    await connection.connect();
    this.connections.push(connection);
    return connection;
  }

  /** Starts a process with these variables beside our own. It is stopped with the others, in the order of their starts. */
  spawn(
    program: URL,
    variables: Readonly<Record<string, string>>,
    nodeArgs: readonly string[] = [],
  ): ChildProcess {
    return this.keep(
      spawn(process.execPath, [...this.nodeArgs, ...nodeArgs, program.pathname], {
        env: { ...process.env, ...variables },
        stdio: ['ignore', 'inherit', 'inherit'],
      }),
    );
  }

  /** Starts a process that can be sent errands. It is stopped with the others. */
  fork(program: URL, settings: object = {}): ChildProcess {
    return this.keep(fork(program, [JSON.stringify(settings)], { execArgv: [...this.nodeArgs] }));
  }

  /** Stops all, and leaves nothing behind. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private keep(child: ChildProcess): ChildProcess {
    this.children.push(child);
    return child;
  }

  private async stopAll(): Promise<void> {
    const { kafka, postgres, dataDir } = this.parts;
    for (const child of this.children) {
      // oxlint-disable-next-line no-await-in-loop -- in order: the coordinator needs what it stands on until it is gone.
      await endChild(child, 'SIGTERM');
    }
    await Promise.all(this.connections.map((connection) => connection.end()));
    await postgres.stop();
    await kafka?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Sends a process a signal that ends it, and waits until it has ended. */
export async function endChild(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (isRunning(child)) {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
}
