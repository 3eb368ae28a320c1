import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { startPostgres } from './embedded-postgres.js';
import type { EmbeddedPostgres, StartPostgresOptions } from './embedded-postgres.js';
import { makeThrowawayFolder, removeStaleFolders, removeThrowawayFolder } from './throwaway.folder.js';

/** What a test may choose about its server. */
export type ThrowawayOptions = Pick<StartPostgresOptions, 'settings' | 'binDir' | 'log'>;

/**
 * Starts a server for tests: on a fresh folder, not durable, gone with all its data on `stop()`, and
 * also when this process ends in any other way, be it killed. What earlier ones left that could not even clean up is
 * removed.
 */
export async function startThrowawayPostgres(options: ThrowawayOptions = {}): Promise<EmbeddedPostgres> {
  await removeStaleFolders();
  const dataDir = await makeThrowawayFolder();
  const cleanUp = () => removeThrowawayFolder(dataDir);
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
 * Outlives this process by a moment. The end of its input says that we are gone, however that came
 * about; a line says that there is nothing left to do. `postmaster.pid` is asked whether the id is still
 * the server's.
 */
const WATCH = `
read -r dismissed && exit 0
pidfile="$2/cluster/postmaster.pid"
if [ "$(head -n 1 "$pidfile")" = "$1" ]; then
  kill -QUIT "$1"
  tries=0
  while [ -e "$pidfile" ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf "$2"`;

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
