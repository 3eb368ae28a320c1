import { execFile } from 'node:child_process';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { QuickstartError } from './quickstart.error.js';
import { codeOf } from './system-error.js';

const run = promisify(execFile);

/** Shows that a folder is in use, for as long as its holder lives. */
export interface RunLock {
  /** Whether an earlier holder ended without letting go: it was killed, and may have left others behind. */
  readonly wasLeft: boolean;
  release(): Promise<void>;
}

/**
 * Takes the lock at `path`.
 *
 * @throws QuickstartError when somebody who lives has it.
 */
export async function takeLock(path: string): Promise<RunLock> {
  const draft = `${path}-${process.pid}`;
  await writeFile(draft, `${process.pid} ${await birthOf(process.pid)}\n`);
  try {
    let wasLeft = false;
    // A link, unlike a rename, fails where there is one already.
    // oxlint-disable no-await-in-loop -- tries again after it has cleared a dead one's
    while (!(await tryLink(draft, path))) {
      const { pid, isAlive } = await readLock(path);
      if (isAlive) {
        throw new QuickstartError(
          `Another npm start, process ${pid}, already uses this data folder: stop it first, or choose another folder with --data and other ports with --port.`,
        );
      }
      wasLeft = true;
      await rm(path, { force: true });
    }
    // oxlint-enable no-await-in-loop
    return { wasLeft, release: () => rm(path, { force: true }) };
  } finally {
    await rm(draft, { force: true });
  }
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

async function readLock(path: string): Promise<{ readonly pid: number; readonly isAlive: boolean }> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [pidText = '', ...birth] = text.trim().split(' ');
  const pid = Number(pidText);
  // The id alone is not enough: after a restart of the machine some other program has it.
  return { pid, isAlive: pid > 0 && birth.length > 0 && (await birthOf(pid)) === birth.join(' ') };
}

/** Returns what tells a process from a later one with the same id, or an empty text if there is none. */
async function birthOf(pid: number): Promise<string> {
  return process.platform === 'linux' ? birthInProc(pid) : birthByPs(pid);
}

/** The 22nd word of `stat` is the instant of the start; the second one, a name in brackets, may hold spaces. */
async function birthInProc(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === '' || state === 'Z' ? '' : (rest[18] ?? '');
}

async function birthByPs(pid: number): Promise<string> {
  const words = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return words.stdout.trim().replaceAll(/\s+/gu, ' ');
}
