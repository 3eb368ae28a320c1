import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';
import { anchors, prose, readText, repositoryFiles, ROOT } from './markdown.js';

const PAGES = repositoryFiles().filter((path) => path.endsWith('.md'));

test('there are pages to check', () => {
  expect(PAGES).toEqual(expect.arrayContaining(['README.md', 'docs/README.md', 'docs/protocol/README.md']));
});

test.each(PAGES)('%s links only to what is there', (page) => {
  const broken = relativeLinks(readText(page)).filter((target) => !leadsSomewhere(page, target));

  expect(broken).toEqual([]);
});

test('every page of the manual is in its index', () => {
  const links = relativeLinks(readText('docs/README.md'));
  const listed = new Set(links.map((target) => normalize(join('docs', target))));
  const manual = PAGES.filter((path) => path.startsWith('docs/') && path !== 'docs/README.md');

  expect(manual.filter((path) => !listed.has(path))).toEqual([]);
});

function relativeLinks(markdown: string): string[] {
  return [...prose(markdown).matchAll(/\]\((?<target>[^)\s]+)\)/gu)]
    .map(({ groups }) => groups?.['target'] ?? '')
    .filter((target) => !/^[a-z]+:/u.test(target));
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (file.startsWith('..') || !existsSync(join(ROOT, file))) {
    return false;
  }
  return anchor === undefined || anchors(readText(file)).has(anchor);
}
