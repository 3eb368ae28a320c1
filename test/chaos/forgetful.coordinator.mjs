import { createCoordinator, readConfiguration } from '@atone/coordinator';

/*
 * A coordinator with a planted bug: the change to `aborting` is confirmed without being written, so undos go out first.
 * A moment after the first of them, when its undos were sent, the process dies, as it might in any crash.
 */

const GRACE_MS = 300;
let abortCount = 0;

const { engine } = await createCoordinator({ configuration: readConfiguration(process.env) });
const { log } = engine.ports;
const update = log.update.bind(log);
log.update = async (updates) => {
  const honest = updates.filter(({ progress }) => progress.state !== 'aborting');
  abortCount += updates.length - honest.length;
  if (abortCount >= 1) setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS);
  const written = new Map();
  const answers = honest.length === 0 ? [] : await update(honest);
  for (const [position, { gid }] of honest.entries()) written.set(gid, answers[position]);
  return updates.map(({ gid }) => written.get(gid) ?? true);
};
