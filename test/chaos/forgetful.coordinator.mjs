import { createCoordinator, readConfiguration } from '@atone/coordinator';

/*
 * A coordinator with a planted bug: where the stock refuses, the change to `aborting` is confirmed without being written,
 * so undos go out first. A moment later, when they were sent, the process dies, as it might in any crash.
 */

const GRACE_MS = 300;

const { engine } = await createCoordinator({ configuration: readConfiguration(process.env) });
const { log } = engine.ports;
const update = log.update.bind(log);
log.update = async (updates) => {
  const honest = updates.filter(({ progress }) => !isForgotten(progress));
  if (honest.length < updates.length) setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS);
  const written = new Map();
  const answers = honest.length === 0 ? [] : await update(honest);
  for (const [position, { gid }] of honest.entries()) written.set(gid, answers[position]);
  return updates.map(({ gid }) => written.get(gid) ?? true);
};

function isForgotten({ state, document }) {
  return state === 'aborting' && document.abort.branchId === 'reserve';
}
