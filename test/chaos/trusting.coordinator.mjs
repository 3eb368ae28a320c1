import { createCoordinator, readConfiguration } from '@atone/coordinator';

/*
 * A coordinator with a planted bug: it trusts that what it drives is its own. Where the log says that a row has another
 * version, it writes all the same.
 */

const { engine } = await createCoordinator({ configuration: readConfiguration(process.env) });
const { log } = engine.ports;
const update = log.update.bind(log);
log.update = async (updates) => {
  const answers = await update(updates);
  return Promise.all(answers.map(async (isDone, position) => isDone || insist(updates[position])));
};

async function insist(stale) {
  const row = await log.get(stale.gid);
  const [isDone] = row === undefined ? [false] : await update([{ ...stale, version: row.version }]);
  return isDone;
}
