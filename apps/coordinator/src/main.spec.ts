import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Counts } from '@atone/protocol';
import { startPlainParticipant, type PlainParticipant } from './testing/plain.participant.js';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const LOADER = pathToFileURL(fileURLToPath(new URL('../../../tools/typescript.loader.mjs', import.meta.url)));
const REGISTER = `data:text/javascript,import{register}from'node:module';register('${LOADER.href}')`;

// Each test starts Node anew, from sources.
jest.setTimeout(60_000);

let database: TestDatabase;
let participant: PlainParticipant;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  database = await createTestDatabase();
  participant = await startPlainParticipant();
});

afterEach(() => {
  for (const child of children) {
    child.kill('SIGKILL');
  }
  children.clear();
});

afterAll(async () => {
  await participant.close();
  await database.drop();
});

interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  output(): string;
  errors(): string;
  /** Settles with its address when it has started, or rejects with what it said instead. */
  started(): Promise<string>;
}

function run(variables: Readonly<Record<string, string>>): Program {
  const child = spawn(process.execPath, ['--conditions=@atone/source', '--import', REGISTER, MAIN], {
    env: { PATH: process.env['PATH'], ATONE_HTTP_PORT: '0', ATONE_ACCEPT_LOSS: 'true', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = once(child, 'close').then(
    ([code, signal]: unknown[]) => ({ code, signal }) as Awaited<Program['ended']>,
  );
  const started = async (): Promise<string> => {
    for (;;) {
      const url = /"url":"([^"]+)"/u.exec(output)?.[1];
      if (url !== undefined) {
        return url;
      }
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(errors);
      }
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
  };
  return { child, ended, output: () => output, errors: () => errors, started };
}

async function submit(url: string, action = 'reserve'): Promise<Response> {
  await fetch(`${url}/v1/participants/shop/instances/one`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      instance: 'one',
      baseUrl: participant.url,
      kind: 'plain',
      protocol: 1,
      actions: ['reserve', 'silent'].map((name) => ({
        name,
        hasCompensation: true,
        path: `/${name}`,
        compensatePath: '/undo',
      })),
    }),
  });
  return fetch(`${url}/v1/transactions?wait=60s`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'order', steps: [{ name: 'a', service: 'shop', action }] }),
  });
}

describe('the program', () => {
  test('counts what goes to its participants over HTTP, and what comes back', async () => {
    const url = await run({ ATONE_DATABASE_URL: database.url }).started();
    expect((await submit(url)).status).toBe(200);

    const metrics = await (await fetch(`${url}/metrics`)).text();

    expect(metrics).toContain('atone_commands_sent_total{transport="http",op="action"} 1\n');
    expect(metrics).toContain('atone_replies_total{transport="http",op="action",outcome="done"} 1\n');
    expect(metrics).toContain('atone_transactions_ended_total{kind="saga",outcome="committed"} 1\n');
  });

  test('serves until it is told to stop, and then ends in order though somebody waits', async () => {
    const program = run({ ATONE_DATABASE_URL: database.url, ATONE_HTTP_HSOT: 'x' });
    const url = await program.started();
    expect((await submit(url)).status).toBe(200);
    const waiting = submit(url, 'silent');
    while (!participant.calls.includes('/silent')) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      await pause(20);
    }

    const toldAt = performance.now();
    program.child.kill('SIGTERM');

    expect((await waiting).status).toBe(202);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - toldAt).toBeLessThan(10_000);
    expect(program.output()).toContain('the nearest one is ATONE_HTTP_HOST');
    expect(program.output()).toContain('coordinator stopped');
    expect(program.errors()).toBe('');
  });

  test('ends by itself where its stop hangs, and says so by its exit code too', async () => {
    const log = await startMutable(database.url);
    const program = run({ ATONE_DATABASE_URL: log.url });
    await program.started();

    log.mute();
    program.child.kill('SIGTERM');

    expect(await program.ended).toEqual({ code: 1, signal: null });
    expect(program.errors()).toBe('The coordinator did not stop within 10 s and ends now.\n');
    expect(program.output()).not.toContain('coordinator stopped');
    log.close();
  });

  test('without a database says so in one sentence, and by its exit code that another start changes nothing', async () => {
    const program = run({});

    expect(await program.ended).toEqual({ code: 78, signal: null });
    expect(program.errors()).toMatch(/^ATONE_DATABASE_URL is required[^\n]*\.\n$/u);
    expect(program.output()).toBe('');
  });

  test('with a database that does not answer says only that, and that it may be started again', async () => {
    const program = run({
      ATONE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      ATONE_DATABASE_WAIT: '0s',
    });

    expect(await program.ended).toEqual({ code: 1, signal: null });
    expect(program.errors()).toMatch(
      /^The database did not answer within 0 s\. [^\n]*ECONNREFUSED[^\n]*\n$/u,
    );
    expect(program.output()).toBe('');
  });

  test('under test dies where it is told to, and another one finishes what it accepted', async () => {
    const doomed = run({
      ATONE_DATABASE_URL: database.url,
      ATONE_TEST: '1',
      ATONE_FAILPOINTS: 'engine.accept.afterWrite=kill',
    });
    const url = await doomed.started();
    await expect(submit(url)).rejects.toThrow('fetch failed');
    expect(await doomed.ended).toEqual({ code: null, signal: 'SIGKILL' });

    const heir = run({ ATONE_DATABASE_URL: database.url });
    const heirUrl = await heir.started();

    await expect(untilCommitted(heirUrl, 3)).resolves.toBeUndefined();
  });
});

/** Settles when `count` transactions have been committed. */
async function untilCommitted(url: string, count: number): Promise<void> {
  for (let committed = 0; committed < count;) {
    // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
    await pause(50);
    // oxlint-disable-next-line no-await-in-loop
    const counts = (await (await fetch(`${url}/v1/counts`)).json()) as Counts;
    committed = counts.byState.committed;
  }
}

/** A way to a database that falls silent when it is told to, and keeps its connections. */
interface Mutable {
  readonly url: string;
  mute(): void;
  close(): void;
}

async function startMutable(databaseUrl: string): Promise<Mutable> {
  const to = new URL(databaseUrl);
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    near.pipe(far).pipe(near);
    [near, far].forEach((socket) => socket.on('error', () => undefined));
    sockets.push(near, far);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    mute: () => sockets.forEach((socket) => socket.unpipe()),
    close: () => {
      server.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}
