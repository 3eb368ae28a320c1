import { spawn } from 'node:child_process';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from './embedded-postgres.js';
import type { EmbeddedPostgres, StartPostgresOptions } from './embedded-postgres.js';

/** What a test may choose about its server. */
export type ThrowawayOptions = Pick<StartPostgresOptions, 'settings' | 'binDir' | 'log'>;

/**
 * Starts a server for tests: on a fresh folder, not durable, gone with all its data on `stop()`, and
 * also when this process ends in any other way, be it killed.
 */
export async function startThrowawayPostgres(options: ThrowawayOptions = {}): Promise<EmbeddedPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'atone-postgres-'));
  // The server's account must be able to pass through.
  await chmod(dataDir, 0o711);
  const cleanUp = () => removeWhole(dataDir);
  try {
    const server = await startPostgres({ ...options, dataDir, durable: false });
    const dismissWatch = watchOver(server.pid, dataDir);
    const stop = async () => {
      await server.stop();
      dismissWatch();
      await cleanUp();
    };
    return { ...server, stop };
  } catch (cause) {
    await cleanUp();
    throw cause;
  }
}

/**
 * Removes the folder, and the one that stands in for it. Processes of a killed server may still write
 * there for a moment, hence the retries.
 */
async function removeWhole(dataDir: string): Promise<void> {
  const standIn = await realpath(join(dataDir, 'elsewhere')).catch(() => dataDir);
  const options = { recursive: true, force: true, maxRetries: 10 };
  await Promise.all([rm(standIn, options), rm(dataDir, options)]);
}

/**
 * Outlives this process by a moment. The end of its input says that we are gone, however that came
 * about; a line says that there is nothing left to do. `postmaster.pid` is asked whether the id is still
 * the server's.
 */
const WATCH = `
read -r dismissed && exit 0
root=$(readlink "$2/elsewhere" || echo "$2")
pidfile="$root/cluster/postmaster.pid"
if [ "$(head -n 1 "$pidfile")" = "$1" ]; then
  kill -QUIT "$1"
  tries=0
  while [ -e "$pidfile" ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf "$root" "$2"`;

function watchOver(pid: number, dataDir: string): () => void {
  const watch = spawn('/bin/sh', ['-c', WATCH, 'watch', String(pid), dataDir], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watch.unref();
  // The pipe must not keep this process alive, as the watch must not.
  if (watch.stdin instanceof Socket) watch.stdin.unref();
  return () => watch.stdin.end('dismissed\n');
}
