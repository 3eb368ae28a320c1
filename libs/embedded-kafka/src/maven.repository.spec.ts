import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mavenRepository } from './maven.repository.js';

const CENTRAL = 'https://repo1.maven.org/maven2';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'atone-maven-'));
  await mkdir(join(home, '.m2'));
});

afterEach(() => rm(home, { recursive: true }));

async function write(mirrors: string): Promise<void> {
  const settings = `<settings><mirrors>${mirrors}</mirrors></settings>`;
  await writeFile(join(home, '.m2', 'settings.xml'), settings);
}

function mirror(mirrorOf: string, url: string): string {
  return `<mirror>\n <id>m</id>\n <mirrorOf>${mirrorOf}</mirrorOf>\n <url> ${url} </url>\n</mirror>`;
}

test('without a word about it Maven Central is asked', async () => {
  expect(await mavenRepository({ environment: {}, home })).toBe(CENTRAL);
});

test('ATONE_MAVEN_URL is asked before all others', async () => {
  await write(mirror('*', 'https://mirror.test/all'));

  const url = await mavenRepository({ environment: { ATONE_MAVEN_URL: 'https://own.test/maven/' }, home });

  expect(url).toBe('https://own.test/maven');
});

test.each(['central', '*', 'external:*', 'jcenter, central', '*,!inhouse'])(
  'the mirror of %s in the settings of Maven stands for Maven Central',
  async (mirrorOf) => {
    await write(mirror(mirrorOf, 'https://mirror.test/maven2'));

    expect(await mavenRepository({ environment: {}, home })).toBe('https://mirror.test/maven2');
  },
);

test.each([
  ['of another repository', mirror('inhouse', 'https://mirror.test/a')],
  ['of all but Maven Central', mirror('*,!central', 'https://mirror.test/a')],
  ['in a comment', `<!-- ${mirror('*', 'https://mirror.test/a')} -->`],
  ['whose URL comes from a variable', mirror('*', 'https://${env.HOST}/a')],
])('a mirror %s does not', async (_which, text) => {
  await write(text);

  expect(await mavenRepository({ environment: {}, home })).toBe(CENTRAL);
});
