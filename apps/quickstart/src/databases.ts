import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres, type EmbeddedPostgres } from '@atone/embedded-postgres';
import { Client } from 'pg';
import { QuickstartError } from './quickstart.error.js';
import { ServerKeeper } from './server.keeper.js';
import { codeOf, isAlive } from './system-error.js';
import type { Terminal } from './terminal.js';

/** A server with the databases of the coordinator and of the example. */
export interface Databases {
  /** As in "PostgreSQL 18.4, its data in …". */
  readonly description: string;
  readonly coordinatorUrl: string;
  readonly exampleUrls: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const COORDINATOR_DATABASE = 'atone';

/** More than one instance of an example's services takes, and more than all coordinators. */
const CONNECTION_COUNT = 100;

export interface EmbeddedPlan {
  /** The folder that keeps the data. */
  readonly folder: string;
  /** The databases of the example. */
  readonly names: readonly string[];
  /** How many instances of the services want connections. */
  readonly instances: number;
  readonly terminal: Terminal;
}

/** Starts a server of our own, whose data outlive it, and brings it back should it die. */
export async function startEmbedded({
  folder,
  names,
  instances,
  terminal,
}: EmbeddedPlan): Promise<Databases> {
  const start = (port?: number) =>
    startPostgres({
      dataDir: folder,
      durable: true,
      settings: { max_connections: String(CONNECTION_COUNT * (1 + instances)) },
      log: (line) => terminal.say(line),
      ...(port === undefined ? {} : { port }),
    });
  const server = await start();
  const keeper = new ServerKeeper(server, {
    name: 'PostgreSQL',
    isAlive,
    restart: ({ port }) => start(port),
    // A pause that is cut short is over, not failed.
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    warn: (line) => terminal.warn(line),
  });
  try {
    const coordinatorUrl = await server.createDatabase(COORDINATOR_DATABASE);
    const exampleUrls = await createAll(server, names);
    const description = `PostgreSQL ${server.version} on port ${server.port}, its data in ${folder}`;
    return { description, coordinatorUrl, exampleUrls, stop: () => keeper.stop() };
  } catch (error) {
    await keeper.stop();
    throw error;
  }
}

async function createAll(
  server: EmbeddedPostgres,
  names: readonly string[],
): Promise<Record<string, string>> {
  const urls: Record<string, string> = {};
  for (const name of names) {
    // oxlint-disable-next-line no-await-in-loop -- PostgreSQL copies one template at a time
    urls[name] = await server.createDatabase(name);
  }
  return urls;
}

/**
 * Uses the server at `url`, whose database is the coordinator's; the example's are made beside it.
 *
 * @throws QuickstartError when the server cannot be used.
 */
export async function useServer(url: string, names: readonly string[]): Promise<Databases> {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(?:ql)?:$/u.test(parsed.protocol)) {
    throw new QuickstartError(
      'ATONE_DATABASE_URL is no URL like postgresql://user:password@host:5432/atone.',
    );
  }
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- PostgreSQL copies one template at a time
      await createUnlessThere(client, name);
    }
    const version = rows[0]?.server_version.split(' ')[0] ?? '';
    return {
      description: `PostgreSQL ${version} at ${parsed.host}, as ATONE_DATABASE_URL says`,
      coordinatorUrl: url,
      exampleUrls: Object.fromEntries(names.map((name) => [name, besides(parsed, name)])),
      stop: () => Promise.resolve(),
    };
  } catch (cause) {
    throw new QuickstartError(
      `The server at ATONE_DATABASE_URL (${parsed.host}) cannot be used: ${wordsOf(cause)}.`,
      {
        cause,
      },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

const DUPLICATE_DATABASE = '42P04';

async function createUnlessThere(client: Client, name: string): Promise<void> {
  await client.query(`create database ${name}`).catch((error: unknown) => {
    if (codeOf(error) !== DUPLICATE_DATABASE) {
      throw error;
    }
  });
}

function besides(url: URL, name: string): string {
  const copy = new URL(url);
  copy.pathname = `/${name}`;
  return copy.href;
}

/** The errors of several tried addresses come together in one that says nothing itself. */
function wordsOf(cause: unknown): string {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error ? first.message : String(first);
}
