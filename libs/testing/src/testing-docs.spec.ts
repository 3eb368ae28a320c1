import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { USAGE } from './check/check.program.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** As strict as our own sources, and read from them, so that nothing has to be built before. */
const TSCONFIG = {
  extends: '../../../../tsconfig.base.json',
  compilerOptions: {
    composite: false,
    incremental: false,
    noEmit: true,
    typeRoots: ['../../../@types'],
    customConditions: ['@atone/source'],
  },
  include: ['*.ts'],
};

let folder: string;

beforeEach(async () => {
  // Inside the repository, where its packages are found.
  const cache = join(ROOT, 'node_modules', '.cache', 'atone');
  await mkdir(cache, { recursive: true });
  folder = await mkdtemp(join(cache, 'testing-docs-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('what the page about tests shows compiles, for the service of the page about NestJS', async () => {
  const files = [...(await namedBlocks('docs/nestjs.md')), ...(await namedBlocks('docs/testing.md'))];
  await write('package.json', '{ "type": "module" }');
  await write('tsconfig.json', JSON.stringify(TSCONFIG));
  await Promise.all(files.map(({ name, text }) => write(name, text)));

  const complaints = await compile();

  expect(files.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['contracts.ts', 'app.module.ts', 'billing.spec.ts', 'endpoint.example.ts']),
  );
  expect(complaints).toBe('');
});

test('the page explains each option of the check, and no other', async () => {
  const page = await readFile(join(ROOT, 'docs/testing.md'), 'utf8');

  const explained = page.match(/(?<=^\| .*`)--[a-z-]+(?=`.*\|)/gmu);
  const offered = USAGE.match(/(?<=^ {2}(?:--service, )?)--[a-z-]+(?=[ ,])/gmu);

  expect(new Set(explained)).toEqual(new Set(offered));
});

/** Returns the samples whose first line names their file. */
async function namedBlocks(page: string): Promise<{ readonly name: string; readonly text: string }[]> {
  const markdown = await readFile(join(ROOT, page), 'utf8');
  return [...markdown.matchAll(/^```ts\n(?<text>\/\/ (?<name>[\w.-]+\.ts)\b[\s\S]*?)^```$/gmu)].map(
    ({ groups }) => ({ name: groups?.['name'] ?? '', text: groups?.['text'] ?? '' }),
  );
}

function write(name: string, text: string): Promise<void> {
  return writeFile(join(folder, name), text);
}

/** Returns the words of the compiler, none if it has nothing to say. */
async function compile(): Promise<string> {
  const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript-7/package.json'))), 'bin', 'tsc');
  const compiling = promisify(execFile)(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  return compiling.then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );
}
