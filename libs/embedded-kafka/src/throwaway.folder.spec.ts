import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeStaleFolders } from './throwaway.folder.js';

const OLD = new Date(Date.now() - 2 * 3_600_000);

let parent: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  running = undefined;
  parent = await mkdtemp(join(tmpdir(), 'atone test '));
});

afterEach(async () => {
  running?.kill('SIGKILL');
  await rm(parent, { recursive: true });
});

async function leave(name: string, changedAt = OLD): Promise<string> {
  const folder = join(parent, name);
  await mkdir(join(folder, 'data'), { recursive: true });
  await utimes(folder, changedAt, changedAt);
  return folder;
}

test('what brokers left that are gone is removed', async () => {
  await leave('atone-kafka-killed');

  await removeStaleFolders(parent);

  expect(await readdir(parent)).toEqual([]);
});

test('a broker that is alive keeps its folder, and so does one that is only starting', async () => {
  const folder = await leave('atone-kafka-living');
  running = spawn('/bin/sh', ['-c', 'read -r _', 'sh', `${folder}/server.properties`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(running, 'spawn');
  await writeFile(join(folder, 'server.pid'), `${running.pid}\n`);
  await utimes(folder, OLD, OLD);
  await leave('atone-kafka-justnw', new Date());

  await removeStaleFolders(parent);

  expect((await readdir(parent)).toSorted()).toEqual(['atone-kafka-justnw', 'atone-kafka-living']);
});

test('what is named otherwise is never touched', async () => {
  const names = ['atone-kafka', 'atone-kafka-of-mine', 'shop'];
  await Promise.all(names.map((name) => leave(name)));

  await removeStaleFolders(parent);

  expect((await readdir(parent)).toSorted()).toEqual(names);
});

test('a place that does not exist does not hinder anybody', async () => {
  await expect(removeStaleFolders(join(parent, 'nothing'))).resolves.toBeUndefined();
});
