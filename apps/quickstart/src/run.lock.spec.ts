import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { takeLock } from './run.lock.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true }));

test('the second start on one folder is refused, and names the first', async () => {
  const lock = await takeLock(path);

  await expect(takeLock(path)).rejects.toThrow(`process ${process.pid}, already uses this data folder`);

  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

test('a lock that was let go can be taken', async () => {
  const first = await takeLock(path);
  await first.release();

  const second = await takeLock(path);

  expect(second.wasLeft).toBe(false);
});

test.each([
  ['a process that is gone', '2147483646 12345'],
  ['a process whose id another one has now', `${process.pid} 1`],
  ['a start that was cut off while it wrote', ''],
])('the lock of %s is taken over', async (_whose, text) => {
  await writeFile(path, text);

  const lock = await takeLock(path);

  expect(lock.wasLeft).toBe(true);
});
