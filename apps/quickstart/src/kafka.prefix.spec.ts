import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ownPrefix } from './kafka.prefix.js';
import { KeptWord } from './kept.word.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atone-prefix-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('each data folder draws a prefix for its topics, and keeps it', async () => {
  const [one, other] = [new KeptWord(join(folder, 'one')), new KeptWord(join(folder, 'other'))];

  const drawn = await ownPrefix(undefined, one);

  expect(drawn).toMatch(/^atone-[0-9a-f]{8}$/u);
  expect(await ownPrefix(undefined, one)).toBe(drawn);
  expect(await ownPrefix(undefined, other)).not.toBe(drawn);
});

test('a prefix that was given comes before the one that is kept', async () => {
  const kept = new KeptWord(join(folder, 'one'));
  await ownPrefix(undefined, kept);

  expect(await ownPrefix('shop', kept)).toBe('shop');
});
