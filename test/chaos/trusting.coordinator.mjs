import { createCoordinator, LOG, readConfiguration, STORE } from '@atone/coordinator';

/*
 * A coordinator with a planted bug: it trusts that what it drives is its own. Where the log says that a row has another
 * version, it writes all the same.
 */

await createCoordinator({
  configuration: readConfiguration(process.env),
  overrides: [{ provide: LOG, useFactory: ({ log }) => trusting(log), inject: [STORE] }],
});

function trusting(log) {
  const update = log.update.bind(log);
  const insist = async (stale) => {
    const row = await log.get(stale.gid);
    const [isDone] = row === undefined ? [false] : await update([{ ...stale, version: row.version }]);
    return isDone;
  };
  log.update = async (updates) => {
    const answers = await update(updates);
    return Promise.all(answers.map(async (isDone, position) => isDone || insist(updates[position])));
  };
  return log;
}
