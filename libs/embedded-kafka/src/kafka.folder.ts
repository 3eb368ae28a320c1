import { randomBytes } from 'node:crypto';
import { mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FolderInUseError, NoDiskSpaceError } from './embedded-kafka.error.js';
import { runProgram } from './program.run.js';
import { serverProperties, type ServerPlan } from './server.properties.js';
import { startupError } from './startup-failure.js';
import { hasCode } from './system-error.js';

/** What lies in a folder of ours. The broker works in `root`, and keeps its data in `data` below it. */
export interface KafkaFolder {
  readonly root: string;
  readonly properties: string;
  readonly log: string;
}

/** Java, and its arguments up to the name of a class. */
export type JavaCommand = readonly [string, ...string[]];

const POLL_MS = 100;

/** Returns the folder, made if absent. */
export async function openFolder(folder: string): Promise<KafkaFolder> {
  await mkdir(folder, { recursive: true });
  const root = await realpath(folder);
  return { root, properties: join(root, 'server.properties'), log: join(root, 'server.log') };
}

/**
 * Waits until nobody serves the folder any more, `patienceMs` at most: the broker of a program that has just died takes a moment.
 * Kafka itself does not notice that another one is at work in its folder.
 *
 * @throws FolderInUseError
 */
export async function whenUnused({ root }: KafkaFolder, patienceMs: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    // oxlint-disable no-await-in-loop -- a poll
    const pid = await servingProcess(root);
    if (pid === undefined) {
      return;
    }
    if (performance.now() > giveUpAt) {
      throw new FolderInUseError(root, pid);
    }
    await delay(POLL_MS);
    // oxlint-enable no-await-in-loop
  }
}

/**
 * Returns the id of the process that serves the folder, or undefined.
 *
 * After a restart of the machine the id in a stale file may be that of some other program, whose command line does not name the
 * folder. Where that cannot be looked up, being alive has to do.
 */
export async function servingProcess(root: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(root, 'server.pid'), 'utf8').catch(() => ''));
  if (!(pid > 0) || !isAlive(pid)) {
    return undefined;
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  const isOurs = command === undefined ? process.platform !== 'linux' : command.includes(`${root}/`);
  return isOurs ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return hasCode(cause, 'EPERM');
  }
}

/**
 * Writes down what the broker is to be, and formats the place of its data unless that was done. What a crash left half-done is
 * done again.
 *
 * @throws NoDiskSpaceError, ServerStartError
 */
export async function prepareFolder(
  { root, properties }: KafkaFolder,
  { java, ...plan }: ServerPlan & { readonly java: JavaCommand },
): Promise<void> {
  await writeFile(properties, serverProperties(plan)).catch((cause: unknown) => {
    throw hasCode(cause, 'ENOSPC') ? new NoDiskSpaceError(root, { cause }) : cause;
  });
  // Written last.
  const isFormatted = await stat(join(root, 'data', 'meta.properties')).catch(() => undefined);
  if (isFormatted !== undefined) {
    return;
  }
  await rm(join(root, 'data'), { recursive: true, force: true });
  const [program, ...args] = java;
  const format = ['kafka.tools.StorageTool', 'format', '-t', newClusterId(), '-c', properties];
  const { exitCode, output } = await runProgram(program, [...args, ...format], root);
  if (exitCode !== 0) {
    throw startupError(output, root);
  }
}

/** As Kafka writes its UUIDs, none of which begins with a dash. */
function newClusterId(): string {
  return `A${randomBytes(16).toString('base64url').slice(1)}`;
}
