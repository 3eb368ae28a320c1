import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const LOADER = pathToFileURL(fileURLToPath(new URL('../../../tools/typescript.loader.mjs', import.meta.url)));
const REGISTER = `data:text/javascript,import{register}from'node:module';register('${LOADER.href}')`;

/** Hides the folders where systems keep their Java: this machine may have one. */
const WITHOUT_JAVA = `data:text/javascript,${encodeURIComponent(`
  import promises from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  promises.readdir = () => Promise.reject(Object.assign(new Error('hidden'), { code: 'ENOENT' }));
  syncBuiltinESMExports();
`)}`;

// Each test starts Node anew, from sources.
jest.setTimeout(60_000);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atone-option-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function start(...args: readonly string[]): Promise<{ code: unknown; output: string }> {
  const preloads = [REGISTER, WITHOUT_JAVA].flatMap((url) => ['--import', url]);
  const place = ['--data', join(folder, 'data')];
  const child = spawn(
    process.execPath,
    ['--conditions=@atone/source', ...preloads, MAIN, ...place, ...args],
    { env: { PATH: '', NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, output };
}

test.each([
  [
    'without brokers',
    ['--kafka'],
    "error: option '--kafka' needs host:port, with commas between several, or `embedded`.\n",
  ],
  [
    'without brokers before another option',
    ['--kafka', '--exit'],
    "error: option '--kafka' needs host:port, with commas between several, or `embedded`.\n",
  ],
  [
    'without a port',
    ['--kafka', 'kafka.example'],
    "error: option '--kafka [brokers]' argument 'kafka.example' is invalid. It must be host:port, or several of them with commas between, or `embedded`.\n",
  ],
  [
    'without Java',
    ['--kafka', 'embedded'],
    'Apache Kafka needs Java 17 or later, and there is none here: install one, or set JAVA_HOME to its folder.\n',
  ],
])('npm start with Kafka %s ends with one sentence', async (_what, args, sentence) => {
  expect(await start(...args)).toEqual({ code: 1, output: sentence });
});
