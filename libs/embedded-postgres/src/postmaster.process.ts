import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from './binaries.locator.js';
import type { DataFolder } from './data-folder.js';
import { mayServe, readPostmasterPid } from './postmaster-pid.file.js';
import { PROGRAM_ENVIRONMENT } from './program.run.js';
import type { ServerUser } from './server-user.js';

export interface PostmasterPlan {
  readonly binaries: Binaries;
  readonly folder: DataFolder;
  readonly user: ServerUser | undefined;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** A server process came up, or it ended and left these words. */
export type Launch = { readonly pid: number } | { readonly failure: string };

const POLL_MS = 20;
const LOG_SIZE_MAX = 5_000_000;

/** How long each way of stopping may take before the next, rougher one. */
const STOP_STEPS: readonly { readonly signal: NodeJS.Signals; readonly waitMs: number }[] = [
  { signal: 'SIGINT', waitMs: 30_000 },
  { signal: 'SIGQUIT', waitMs: 10_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

/** Socket paths are limited to 107 bytes on Linux and 103 on macOS. */
const SOCKET_PATH_MAX = 103;

/**
 * Starts a server process and waits until it accepts connections, however long it takes to recover
 * from a crash, or has ended.
 */
export async function launchPostmaster(plan: PostmasterPlan): Promise<Launch> {
  const { binaries, folder, user } = plan;
  await rotateLog(folder.log);
  // A file rather than a pipe: the server outlives a crash of ours and must be able to write on.
  const log = await open(folder.log, 'a', 0o600);
  const logStart = (await log.stat()).size;
  try {
    const child = spawn(binaries.postgres, serverArguments(plan), {
      ...user,
      cwd: '/',
      env: PROGRAM_ENVIRONMENT,
      stdio: ['ignore', log.fd, log.fd],
      // Out of the terminal's reach: Ctrl-C must not take the database away from those still using it.
      detached: true,
    });
    const isUp = await waitUntilReadyOrEnded(child, folder.cluster);
    if (isUp && child.pid !== undefined) {
      child.unref();
      return { pid: child.pid };
    }
    return { failure: (await readFile(folder.log)).subarray(logStart).toString() };
  } finally {
    await log.close();
  }
}

/** Stops server `pid`: in order if it can be done, roughly (and still without loss) if not. */
export async function stopPostmaster(pid: number, cluster: string): Promise<void> {
  for (const { signal, waitMs } of STOP_STEPS) {
    if (!sendSignal(pid, signal)) return;
    // oxlint-disable-next-line no-await-in-loop -- each step is for when the one before did not help
    if (await waitUntilGone(pid, cluster, waitMs)) return;
  }
}

function serverArguments({ folder, port, settings }: PostmasterPlan): string[] {
  const socketFits = Buffer.byteLength(`${folder.socket}/.s.PGSQL.${port}`) <= SOCKET_PATH_MAX;
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: socketFits ? `"${folder.socket.replaceAll('"', '""')}"` : '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...settings,
  };
  const pairs = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', folder.cluster, ...pairs];
}

async function waitUntilReadyOrEnded(child: ChildProcess, cluster: string): Promise<boolean> {
  const ended = new AbortController();
  child.once('error', () => ended.abort());
  child.once('exit', () => ended.abort());
  while (!ended.signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- a poll
    const written = await readPostmasterPid(cluster);
    if (written?.pid === child.pid && written?.isReady) return true;
    // oxlint-disable-next-line no-await-in-loop -- a poll
    await delay(POLL_MS);
  }
  return false;
}

function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function waitUntilGone(pid: number, cluster: string, waitMs: number): Promise<boolean> {
  const giveUpAt = Date.now() + waitMs;
  // oxlint-disable no-await-in-loop -- a poll
  while (await mayServe(pid, cluster)) {
    if (Date.now() > giveUpAt) return false;
    await delay(POLL_MS);
  }
  // oxlint-enable no-await-in-loop
  return true;
}

async function rotateLog(log: string): Promise<void> {
  const { size } = await stat(log).catch(() => ({ size: 0 }));
  if (size > LOG_SIZE_MAX) await rename(log, `${log}.1`);
}
