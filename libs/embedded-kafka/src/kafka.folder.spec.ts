import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolder, prepareFolder, servingProcess, whenUnused, type KafkaFolder } from './kafka.folder.js';

const PLAN = { port: 21_000, controllerPort: 21_001, settings: {} };

let parent: string;
let folder: KafkaFolder;
let running: ChildProcess | undefined;

beforeEach(async () => {
  running = undefined;
  parent = await mkdtemp(join(await realpath(tmpdir()), 'atone kafka, '));
  folder = await openFolder(join(parent, 'data'));
});

afterEach(async () => {
  running?.kill('SIGKILL');
  await rm(parent, { recursive: true });
});

/** Starts a program with this argument, and writes it down as the broker of the folder. */
async function serve(argument: string): Promise<number | undefined> {
  running = spawn('/bin/sh', ['-c', 'read -r _', 'sh', argument], { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(running, 'spawn');
  await writeFile(join(folder.root, 'server.pid'), `${running.pid}\n`);
  return running.pid;
}

/** A program in the place of Java, which formats, or fails, as these lines of shell say. */
async function javaThat(script: string): Promise<readonly [string]> {
  const path = join(parent, 'java');
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  return [path];
}

test('a folder is made, with all above it', async () => {
  const { root } = await openFolder(join(parent, 'a', 'b'));

  expect((await stat(root)).isDirectory()).toBe(true);
});

test('a folder that a living broker serves is refused, and its process named', async () => {
  const { root } = folder;
  const pid = await serve(`${root}/server.properties`);

  await expect(whenUnused(folder, 0)).rejects.toMatchObject({ code: 'FOLDER_IN_USE', pid, folder: root });
});

test('a process that has the id of a broker that is gone, and nothing to do with it, is not taken for it', async () => {
  await serve('/somewhere/else');

  expect(await servingProcess(folder.root)).toBeUndefined();
});

test('a folder whose broker ends meanwhile can be used', async () => {
  await serve(`${folder.root}/server.properties`);
  const waiting = whenUnused(folder, 60_000);

  running?.kill('SIGKILL');

  await expect(waiting).resolves.toBeUndefined();
});

test('the place of the data is formatted once, by an id that Kafka accepts', async () => {
  const java = await javaThat('echo "$@" >> calls; mkdir data && echo done > data/meta.properties');

  await prepareFolder(folder, { java, ...PLAN });
  await prepareFolder(folder, { java, ...PLAN });

  const calls = await readFile(join(folder.root, 'calls'), 'utf8');
  expect(calls).toMatch(/^kafka\.tools\.StorageTool format -t A[\w-]{21} -c \/.*\/server\.properties\n$/u);
});

test('what a crash left half-formatted is formatted again', async () => {
  await mkdir(join(folder.root, 'data'));
  await writeFile(join(folder.root, 'data', 'bootstrap.checkpoint'), 'half');
  const java = await javaThat('mkdir data && echo done > data/meta.properties');

  await prepareFolder(folder, { java, ...PLAN });

  await expect(stat(join(folder.root, 'data', 'bootstrap.checkpoint'))).rejects.toMatchObject({
    code: 'ENOENT',
  });
});

test('why a folder could not be formatted is told', async () => {
  const java = await javaThat('echo "Error: the disk is on fire" >&2; exit 1');

  await expect(prepareFolder(folder, { java, ...PLAN })).rejects.toMatchObject({
    code: 'SERVER_DID_NOT_START',
    reason: 'Error: the disk is on fire',
  });
});
