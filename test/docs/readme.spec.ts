import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { codeBlocks, headings, readText, ROOT } from './markdown.js';

const README = readText('README.md');
const CHINESE = readText('README.zh-CN.md');

describe('the example of the README', () => {
  let folder: string;

  beforeEach(async () => {
    // Inside the repository, where its packages are found.
    const cache = join(ROOT, 'node_modules', '.cache', 'atone');
    await mkdir(cache, { recursive: true });
    folder = await mkdtemp(join(cache, 'readme-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('compiles as it stands', async () => {
    const example = codeBlocks(README).find(({ language }) => language === 'ts')?.text ?? '';

    expect(await compile(example)).toBe('');
  });

  test('does not compile with a compensation that is misspelt', async () => {
    const example = codeBlocks(README).find(({ language }) => language === 'ts')?.text ?? '';

    expect(await compile(example.replace("'refund'", "'refond'"))).toContain('refond');
  });

  /** Returns the words of the compiler, none if it has nothing to say. */
  async function compile(text: string): Promise<string> {
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'example.ts'), text);
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    const tsc = join(ROOT, 'node_modules', 'typescript-7', 'bin', 'tsc');
    const compiling = promisify(execFile)(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    return compiling.then(
      ({ stdout }) => stdout,
      (error: { readonly stdout: string }) => error.stdout,
    );
  }
});

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
  files: ['example.ts'],
};

test('every npm script that the README and CONTRIBUTING name exists', () => {
  const { scripts } = JSON.parse(readText('package.json')) as { readonly scripts: Record<string, string> };
  const pages = [README, CHINESE, readText('CONTRIBUTING.md')].join('\n');
  const named = [...pages.matchAll(/npm (?:run )?(?<script>(?<=run )[\w:-]+|start|test)/gu)].map(
    ({ groups }) => groups?.['script'] ?? '',
  );

  const missing = named.filter((script) => !(script in scripts));

  expect({ missing, hasSome: named.length > 5 }).toEqual({ missing: [], hasSome: true });
});

describe('the Chinese README', () => {
  test('has the sections of the English one', () => {
    expect(levels(CHINESE)).toEqual(levels(README));
  });

  test('shows the same code and the same output, character by character', () => {
    expect(codeBlocks(CHINESE)).toEqual(codeBlocks(README));
  });

  test('leads to the same pages, but for each other', () => {
    expect(targets(CHINESE)).toEqual(targets(README));
  });
});

function levels(markdown: string): number[] {
  return headings(markdown).map(({ level }) => level);
}

function targets(markdown: string): Set<string> {
  const links = [...markdown.matchAll(/\]\((?<target>[^)]+)\)/gu)].map(
    ({ groups }) => groups?.['target'] ?? '',
  );
  return new Set(links.filter((target) => !target.startsWith('README')));
}
