import { createCoordinator, LOG, readConfiguration, STORE } from '@atone/coordinator';

/*
 * A coordinator with a planted bug: where the stock refuses, the change to `aborting` is confirmed without being written,
 * so undos go out first. A moment later, when they were sent, the process dies, as it might in any crash. Whoever takes over
 * writes honestly: else a transaction would go through the same crash in each life.
 */

const GRACE_MS = 300;

await createCoordinator({
  configuration: readConfiguration(process.env),
  overrides: [{ provide: LOG, useFactory: ({ log }) => forgetful(log), inject: [STORE] }],
});

function forgetful(log) {
  const update = log.update.bind(log);
  log.update = async (updates) => {
    const honest = updates.filter(({ progress }) => !isForgotten(progress));
    if (honest.length < updates.length) setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS);
    const written = new Map();
    const answers = honest.length === 0 ? [] : await update(honest);
    for (const [position, { gid }] of honest.entries()) written.set(gid, answers[position]);
    return updates.map(({ gid }) => written.get(gid) ?? true);
  };
  return log;
}

function isForgotten({ state, document }) {
  const isTakenOver = document.history.some(({ what }) => what === 'claimed');
  return state === 'aborting' && document.abort.branchId === 'reserve' && !isTakenOver;
}
