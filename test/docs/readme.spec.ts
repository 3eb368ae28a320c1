import { describe, expect, test } from '@jest/globals';
import { codeBlocks, headings, readText } from './markdown.js';
import { COMPILE_TIMEOUT_MS, compileSamples, samplesOf } from './sample.compiler.js';

const README = readText('README.md');
const CHINESE = readText('README.zh-CN.md');

describe('the examples of the README', () => {
  const samples = samplesOf(README);

  test(
    'compile as they stand',
    async () => {
      expect(samples.size).toBeGreaterThan(0);
      expect(await compileSamples(samples)).toBe('');
    },
    COMPILE_TIMEOUT_MS,
  );

  test(
    'do not compile with the end of an action misspelt',
    async () => {
      const misspelt = Array.from(
        samples,
        ([file, text]) =>
          [file, text.replace("'refund'", "'refond'").replace("'release'", "'relaese'")] as const,
      );

      const words = await compileSamples(new Map(misspelt));

      expect([words.includes('refond'), words.includes('relaese')]).toEqual([true, true]);
    },
    COMPILE_TIMEOUT_MS,
  );
});

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
