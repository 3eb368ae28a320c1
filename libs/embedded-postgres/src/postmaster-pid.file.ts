import { readFile, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from './system-error.js';

/** What a running server writes into its data directory about itself. */
export interface PostmasterPid {
  readonly pid: number;
  readonly startedAt: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** Returns what `postmaster.pid` says, or undefined if it is absent or its writer is in the middle of it. */
export async function readPostmasterPid(cluster: string): Promise<PostmasterPid | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch((cause: unknown) => {
    if (hasCode(cause, 'ENOENT')) return '';
    throw cause;
  });
  const [pid, , startedAt, port, , , , status] = text.split('\n').map((line) => line.trim());
  if (!pid) return undefined;
  // A negative number stands for a stand-alone backend, not a server.
  return {
    pid: Math.abs(Number(pid)),
    startedAt: Number(startedAt),
    port: Number(port),
    isReady: status === 'ready',
  };
}

/** Tells whether a process with this id exists, zombies and other users' processes included. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return hasCode(cause, 'EPERM');
  }
}

/**
 * Tells whether process `pid` may be the server of `cluster`.
 *
 * After a restart of the machine or the container the id in a stale file often belongs to some other
 * program, which must be neither adopted nor signalled. A postmaster works in its data directory; where
 * that cannot be looked up, being alive has to do.
 */
export async function mayServe(pid: number, cluster: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder === (await realpath(cluster));
}
