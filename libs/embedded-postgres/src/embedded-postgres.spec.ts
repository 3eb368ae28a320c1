import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startPostgres, startThrowawayPostgres } from './index.js';
import type { EmbeddedPostgres, StartPostgresOptions } from './index.js';

let home: string;
let started: EmbeddedPostgres[];

beforeEach(async () => {
  started = [];
  home = await mkdtemp(join(tmpdir(), 'atone test '));
  await chmod(home, 0o711);
});

afterEach(async () => {
  await Promise.all(started.map((server) => server.stop()));
  await rm(home, { recursive: true, force: true, maxRetries: 10 });
});

test('data are there again after a stop and a start, in a folder with blanks and quotes in its name', async () => {
  const dataDir = join(home, `the "shop's" data`);
  const first = await start({ dataDir });
  await run(await first.createDatabase('shop'), 'create table album as select 42 as id');
  await first.stop();

  const second = await start({ dataDir });

  expect(second.adopted).toBe(false);
  expect(await run(await second.createDatabase('shop'), 'select id from album')).toBe(42);
});

test("the superuser's tables stay in sight when Atone's schema is installed beside them", async () => {
  const url = await (await start()).createDatabase('shop');
  await run(url, 'create table album as select 42 as id');

  await run(url, 'create schema atone');

  expect(await run(url, 'select id from album')).toBe(42);
  expect(await run(url, 'select current_schema()')).toBe('public');
});

test('a server that survived the crash of its program is adopted', async () => {
  const dataDir = join(home, 'data');
  const { pid } = await startInProgramThatCrashes(
    `startPostgres({ dataDir: ${JSON.stringify(dataDir)}, durable: false })`,
  );

  const server = await start({ dataDir });

  expect(server).toMatchObject({ adopted: true, pid });
  await server.stop();
  await expect(run(server.url(), 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('an adopted server is left running while somebody else is connected to it', async () => {
  const first = await start();
  const second = await start();
  const client = new Client({ connectionString: first.url() });
  await client.connect();

  await second.stop();

  expect((await client.query<{ up: boolean }>('select true as up')).rows).toEqual([{ up: true }]);
  await client.end();
});

test('data survive a server that was killed, and the next start need not wait for anybody', async () => {
  const first = await start({ durable: true });
  await run(first.url(), 'create table album as select 42 as id');
  process.kill(first.pid, 'SIGKILL');

  const second = await start({ durable: true });

  expect(second.adopted).toBe(false);
  expect(await run(second.url(), 'select id from album')).toBe(42);
});

test('an initialisation that a crash cut short is done again', async () => {
  const dataDir = join(home, 'data');
  const cutShort = `initdb-${await idOfEndedProcess()}`;
  await mkdir(join(dataDir, cutShort, 'base'), { recursive: true });
  await writeFile(join(dataDir, cutShort, 'PG_VERSION'), '18\n');

  const server = await start({ dataDir });

  expect(await run(server.url(), 'select 1')).toBe(1);
  expect(await readdir(dataDir)).not.toContain(cutShort);
});

test('a stale process id which another program has got since does not hinder the start', async () => {
  const first = await start();
  const pidFile = join(home, 'data', 'cluster', 'postmaster.pid');
  const stale = (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(process.pid));
  await first.stop();
  await writeFile(pidFile, stale, { mode: 0o600 });

  const second = await start();

  expect(second.adopted).toBe(false);
});

test('a port that is taken is named in one sentence', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;

  const starting = start({ port });

  await expect(starting).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: `Port ${port} on 127.0.0.1 is in use by another program: free it, or choose another port.`,
  });
  other.close();
});

test('data of another major version are refused, and left alone', async () => {
  const cluster = join(home, 'data', 'cluster');
  await mkdir(cluster, { recursive: true });
  await writeFile(join(cluster, 'PG_VERSION'), '9.6\n');

  const starting = start();

  await expect(starting).rejects.toMatchObject({ code: 'WRONG_MAJOR_VERSION', found: '9.6' });
  expect(await readdir(cluster)).toEqual(['PG_VERSION']);
});

test('a folder without programs is refused with the places that were tried', async () => {
  const starting = start({ binDir: join(home, 'nothing') });

  await expect(starting).rejects.toMatchObject({ code: 'NO_BINARIES', tried: [join(home, 'nothing')] });
});

test('a folder whose path is too long for a socket works without one', async () => {
  const server = await start({ dataDir: join(home, 'd'.repeat(120)) });

  expect(await run(server.url(), 'show unix_socket_directories')).toBe('');
});

test('a folder below one that nobody else may enter works', async () => {
  const secret = join(home, 'private');
  await mkdir(secret, { mode: 0o700 });
  const log: string[] = [];

  const server = await start({ dataDir: join(secret, 'data'), log: (line) => log.push(line) });

  const folder = String(await run(server.url(), 'show data_directory'));
  expect(folder.startsWith(secret) || log.some((line) => line.includes(join(folder, '..')))).toBe(true);
  await server.stop();
  await rm(join(folder, '..'), { recursive: true });
});

test('only who knows the password gets in, and nobody else can read it', async () => {
  const server = await start();
  const guess = new URL(server.url());
  guess.password = 'guess';

  await expect(run(guess.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });

  expect((await stat(join(home, 'data', 'password'))).mode & 0o777).toBe(0o600);
});

test('a throw-away server and its data are gone once it is stopped', async () => {
  const server = await startThrowawayPostgres();
  const folder = String(await run(server.url(), 'show data_directory'));

  await server.stop();

  await expect(run(server.url(), 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await expect(stat(join(folder, '..'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a throw-away server goes with the program that started it, even if that is killed', async () => {
  const { url } = await startInProgramThatCrashes('startThrowawayPostgres()');

  await expect(refusal(url)).resolves.toMatchObject({ code: 'ECONNREFUSED' });
});

/** Starts a server that the end of the test stops. */
async function start(options: Partial<StartPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startPostgres({ dataDir: join(home, 'data'), durable: false, ...options });
  started.push(server);
  return server;
}

/** Runs one statement and returns the first value of its first row. */
async function run(url: string, statement: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

/** Asks until the server does not let anybody in any more, and returns its last word. */
async function refusal(url: string): Promise<unknown> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    const word = await run(url, 'select 1').catch((cause: unknown) => cause);
    if (typeof word === 'object' && word !== null && 'code' in word && word.code === 'ECONNREFUSED')
      return word;
  }
}

interface LeftServer {
  readonly pid: number;
  readonly url: string;
}

/** Runs a program that starts a server and is then killed. */
async function startInProgramThatCrashes(call: string): Promise<LeftServer> {
  const program = `
    import { register } from 'node:module';
    register(${JSON.stringify(new URL('../../../tools/typescript.loader.mjs', import.meta.url).href)});
    const { startPostgres, startThrowawayPostgres } =
      await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const server = await ${call};
    const left = JSON.stringify({ pid: server.pid, url: server.url() });
    process.stdout.write(left, () => process.kill(process.pid, 'SIGKILL'));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  const left: LeftServer = JSON.parse(output);
  return left;
}

async function idOfEndedProcess(): Promise<number | undefined> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid;
}
