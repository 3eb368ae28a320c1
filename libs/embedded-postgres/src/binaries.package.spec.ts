import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyToCache, recreateLinks } from './binaries.package.js';

let home: string;
let native: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'atone-binaries-'));
  native = join(home, 'package', 'native');
  await mkdir(join(native, 'bin'), { recursive: true });
  await mkdir(join(native, 'lib'));
  await writeFile(join(native, 'bin', 'postgres'), 'program', { mode: 0o700 });
  await writeFile(join(native, 'lib', 'libpq.so.5.18'), 'library', { mode: 0o600 });
  await writeFile(
    join(native, 'pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
  );
});

afterEach(() => rm(home, { recursive: true }));

test('links between libraries are made where no install script has made them', async () => {
  const isDone = await recreateLinks(native);

  expect(isDone).toBe(true);
  expect(await readFile(join(native, 'lib', 'libpq.so.5'), 'utf8')).toBe('library');
});

test('links that are there already are no trouble', async () => {
  await recreateLinks(native);

  expect(await recreateLinks(native)).toBe(true);
});

test('programs in a private folder are copied to where every account can run them', async () => {
  const copy = String(await copyToCache(native, join(home, 'cache')));

  expect((await stat(join(copy, 'bin', 'postgres'))).mode & 0o777).toBe(0o755);
  expect((await stat(join(copy, 'lib', 'libpq.so.5'))).mode & 0o777).toBe(0o644);
});

test('one package is copied once', async () => {
  const first = String(await copyToCache(native, join(home, 'cache')));
  await writeFile(join(first, 'mark'), '');

  const second = String(await copyToCache(native, join(home, 'cache')));

  expect(await readFile(join(second, 'mark'), 'utf8')).toBe('');
});
