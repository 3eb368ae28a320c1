import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Outlives this process by a moment. The end of its input says that we are gone, however that came about; a line says that there
 * is nothing left to do. The command line of the process is asked whether its id is still the broker's.
 */
const WATCH = `
read -r dismissed && exit 0
pid=$(cat "$1/server.pid" 2>/dev/null)
serves() {
  if [ -d /proc/self ]; then tr '\\0' ' ' < "/proc/$pid/cmdline"; else ps -o args= -p "$pid"; fi 2>/dev/null | grep -qF "$1/"
}
await_end() {
  tries=0
  while serves "$1" && [ $tries -lt "$2" ]; do sleep 0.1; tries=$((tries + 1)); done
}
if [ -n "$pid" ] && serves "$1"; then
  if [ "$2" = kept ]; then
    kill -CONT "$pid"
    kill -TERM "$pid"
    await_end "$1" 200
  fi
  serves "$1" && kill -KILL "$pid"
  await_end "$1" 50
fi
[ "$2" = kept ] || rm -rf "$1"`;

/**
 * Sees to it that the broker of the folder `root` ends with this process, be that killed, and that the folder is kept or removed.
 *
 * @returns what dismisses the watch.
 */
export function watchOver(root: string, fate: 'kept' | 'removed'): () => void {
  const watch = spawn('/bin/sh', ['-c', WATCH, 'watch', root, fate], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watch.unref();
  // The pipe must not keep this process alive, as the watch must not.
  if (watch.stdin instanceof Socket) {
    watch.stdin.unref();
  }
  return () => watch.stdin.end('dismissed\n');
}
