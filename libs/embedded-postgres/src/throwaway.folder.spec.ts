import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startThrowawayPostgres } from './index.js';
import { removeStaleFolders } from './throwaway.folder.js';

let parent: string;
let running: ChildProcess[];

beforeEach(async () => {
  running = [];
  parent = await mkdtemp(join(tmpdir(), 'atone test '));
});

afterEach(async () => {
  for (const program of running) {
    program.kill('SIGKILL');
  }
  await rm(parent, { recursive: true, force: true });
});

const OLD = new Date(Date.now() - 3_600_000);

async function leave(name: string, { pid, changedAt = OLD, at = parent }: Leaving = {}): Promise<string> {
  const folder = join(at, name);
  await mkdir(join(folder, 'cluster'), { recursive: true });
  if (pid !== undefined) {
    await writeFile(join(folder, 'cluster', 'postmaster.pid'), `${pid}\n`);
  }
  await utimes(folder, changedAt, changedAt);
  return folder;
}

interface Leaving {
  readonly pid?: number | undefined;
  readonly changedAt?: Date;
  readonly at?: string;
}

test('what servers left whose process is gone is removed', async () => {
  await leave('atone-throwaway-stoppd');
  await leave('atone-throwaway-killed', { pid: await idOfEndedProgram() });

  await removeStaleFolders([parent]);

  expect(await readdir(parent)).toEqual([]);
});

test('a server that is alive keeps its folder, and so does one that is only starting', async () => {
  const folder = await leave('atone-throwaway-living');
  await leave('atone-throwaway-living', { pid: await idOfProgramIn(join(folder, 'cluster')) });
  await leave('atone-throwaway-justnw', { changedAt: new Date() });

  await removeStaleFolders([parent]);

  expect((await readdir(parent)).toSorted()).toEqual(['atone-throwaway-justnw', 'atone-throwaway-living']);
});

test('what is named otherwise is never touched, be it the data that stand in for a folder of a user', async () => {
  const names = ['atone-throwaway', 'atone-throwaway-of-mine', 'data-a1B2c3', 'shop'];
  await Promise.all(names.map((name) => leave(name)));

  await removeStaleFolders([parent]);

  expect((await readdir(parent)).toSorted()).toEqual(names);
});

test('a place that does not exist does not hinder anybody', async () => {
  await expect(removeStaleFolders([join(parent, 'nothing')])).resolves.toBeUndefined();
});

test('the start of a throw-away server removes what others have left', async () => {
  const left = await leave(`atone-throwaway-${parent.slice(-6)}`, { at: tmpdir() });

  const server = await startThrowawayPostgres();
  await server.stop();

  await expect(stat(left)).rejects.toMatchObject({ code: 'ENOENT' });
});

async function idOfEndedProgram(): Promise<number | undefined> {
  const program = spawn('true');
  await once(program, 'exit');
  return program.pid;
}

/** Starts a program that works in `folder`, as the server of a cluster does. */
async function idOfProgramIn(folder: string): Promise<number | undefined> {
  const program = spawn('cat', { cwd: folder, stdio: ['pipe', 'ignore', 'ignore'] });
  running.push(program);
  await once(program, 'spawn');
  return program.pid;
}
