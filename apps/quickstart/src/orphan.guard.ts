/*
 * Loaded into each child before its own program: a child ends when its parent is gone, however that came about, so that
 * a quickstart which was killed leaves nobody behind on its ports.
 */

const GRACE_MS = 5_000;

process.once('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
});
// The channel must not keep alive a program that has nothing left to do.
process.channel?.unref();
