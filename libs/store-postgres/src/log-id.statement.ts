import { readEpoch } from './epoch.statement.js';
import type { HotStatement, StatementRunner } from './hot.pool.js';

const READ: HotStatement = {
  name: 'atone-log-id',
  text: `
select log_id
from atone.log_life`,
};

/** Returns by what the log is told from others: drawn with its first life, and the same in all of them. */
export async function readLogId(pool: StatementRunner): Promise<string> {
  await readEpoch(pool);
  const [row] = await pool.run<{ readonly log_id: string }>(READ, []);
  if (row === undefined) {
    throw new Error('The log has no identity.');
  }
  return row.log_id;
}
