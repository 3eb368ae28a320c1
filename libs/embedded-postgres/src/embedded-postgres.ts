import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { findBinaries } from './binaries.locator.js';
import { openDataFolder, SUPERUSER } from './data-folder.js';
import type { DataFolder } from './data-folder.js';
import { PortInUseError, ServerStartError } from './embedded-postgres.error.js';
import { isAlive, mayServe, readPostmasterPid } from './postmaster-pid.file.js';
import { launchPostmaster, stopPostmaster } from './postmaster.process.js';
import { serverUser } from './server-user.js';
import { startupError, willPass } from './startup-failure.js';
import { hasCode } from './system-error.js';

export interface StartPostgresOptions {
  /** The folder for the data, made if absent. It keeps them between runs. */
  readonly dataDir: string;
  /** Whether data must survive a crash of the machine. Only tests can do without. */
  readonly durable: boolean;
  /** The port on 127.0.0.1; a free one by default. A server that is adopted keeps its own. */
  readonly port?: number;
  /** Server settings, such as `max_connections`, over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * The folder of the programs `postgres` and `initdb`. By default ATONE_POSTGRES_BIN, else the npm
   * package's, else the newest PostgreSQL installed on the machine.
   */
  readonly binDir?: string;
  /** Takes a sentence when something slow or surprising happens; silent by default. */
  readonly log?: (line: string) => void;
}

/** A PostgreSQL server of our own, ready for connections. */
export interface EmbeddedPostgres {
  readonly port: number;
  readonly pid: number;
  /** As in `18.4`. */
  readonly version: string;
  /** Whether it ran before: the server of a program that crashed, or of one that still runs. */
  readonly adopted: boolean;
  /** Returns the superuser's URL of a database, by default `postgres`. It contains the password. */
  url(database?: string): string;
  /** Makes a database unless it exists, and returns its URL. */
  createDatabase(name: string): Promise<string>;
  /** Stops the server, unless it was adopted and somebody else is connected to it. */
  stop(): Promise<void>;
}

/** What a server that need not survive a crash of the machine can leave out. */
const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** A killed server's processes notice within a moment; a busy machine makes it longer. */
const OLD_SERVER_WAIT_MS = 20_000;

/**
 * Starts the server of a data folder, or adopts the one that already runs there.
 *
 * @throws PortInUseError, NoDiskSpaceError, NoBinariesError, WrongMajorVersionError, ServerStartError
 */
export async function startPostgres(options: StartPostgresOptions): Promise<EmbeddedPostgres> {
  const user = serverUser();
  const binaries = await findBinaries(options.binDir ?? process.env['ATONE_POSTGRES_BIN'], user);
  const log = options.log ?? (() => undefined);
  const folder = await openDataFolder({ ...options, user, binaries, log });
  const settings = { ...(options.durable ? {} : NOT_DURABLE), ...options.settings };
  const giveUpAt = Date.now() + OLD_SERVER_WAIT_MS;
  for (;;) {
    // oxlint-disable no-await-in-loop -- tries again only when the last try says that it may help
    const adopted = await adopt(folder, giveUpAt);
    if (adopted !== undefined) return adopted;
    const port = options.port ?? (await freePort());
    const launch = await launchPostmaster({ binaries, folder, user, port, settings });
    if ('pid' in launch) return serverAt(folder, { pid: launch.pid, port, adopted: false });

    const failure = startupError(launch.failure, { folder: folder.root, port });
    const lostItsPort = failure instanceof PortInUseError && options.port === undefined;
    if (Date.now() > giveUpAt || !(lostItsPort || willPass(launch.failure))) throw failure;
    await delay(250);
    // oxlint-enable no-await-in-loop
  }
}

/** Returns the server that already runs on this folder, once it is ready; undefined if there is none. */
async function adopt(folder: DataFolder, giveUpAt: number): Promise<EmbeddedPostgres | undefined> {
  for (;;) {
    // oxlint-disable no-await-in-loop -- a poll: a server may be starting, or about to be gone
    const running = await readPostmasterPid(folder.cluster);
    if (running === undefined || !isAlive(running.pid)) return undefined;
    if (!(await mayServe(running.pid, folder.cluster))) {
      // Else PostgreSQL would take the other program for a server, and refuse to start.
      await rm(join(folder.cluster, 'postmaster.pid'), { force: true });
      return undefined;
    }
    if (running.isReady) return serverAt(folder, { ...running, adopted: true });
    if (Date.now() > giveUpAt) {
      throw new ServerStartError(folder.root, `process ${running.pid}, started earlier, does not get ready.`);
    }
    await delay(50);
    // oxlint-enable no-await-in-loop
  }
}

interface Running {
  readonly pid: number;
  readonly port: number;
  readonly adopted: boolean;
}

async function serverAt(folder: DataFolder, { pid, port, adopted }: Running): Promise<EmbeddedPostgres> {
  const url = (database = 'postgres') =>
    `postgresql://${SUPERUSER}:${folder.password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const version = await query(url(), 'show server_version').catch(async (cause: unknown) => {
    if (!adopted) await stopPostmaster(pid, folder.cluster);
    throw new ServerStartError(folder.root, `process ${pid} on port ${port} does not answer.`, { cause });
  });
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    if (!(await mayServe(pid, folder.cluster))) return;
    if (adopted && (await hasOtherClients(url()))) return;
    await stopPostmaster(pid, folder.cluster);
  };
  return {
    port,
    pid,
    version: version.split(' ')[0] ?? version,
    adopted,
    url,
    createDatabase: (name) => createDatabase(name, url),
    stop: () => (stopping ??= stop()),
  };
}

async function createDatabase(name: string, url: (database?: string) => string): Promise<string> {
  const identifier = name.replaceAll('"', '""');
  await query(url(), `create database "${identifier}"`).catch((cause: unknown) => {
    if (!hasCode(cause, DUPLICATE_DATABASE)) throw cause;
  });
  return url(name);
}

const DUPLICATE_DATABASE = '42P04';

/** Counts whoever is connected besides the one who asks. */
const COUNT_OTHER_CLIENTS = `
select count(*)
from pg_stat_activity
where backend_type = 'client backend'
  and pid <> pg_backend_pid()`;

async function hasOtherClients(url: string): Promise<boolean> {
  return Number(await query(url, COUNT_OTHER_CLIENTS)) > 0;
}

/** Runs one statement on a connection of its own, and returns the first column of its first row. */
async function query(url: string, statement: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
    return String(rows[0]?.[0]);
  } finally {
    await client.end();
  }
}

/** Returns a port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
