import type { LoggedEnding } from '@atone/engine';
import type { HotStatement, StatementRunner } from './hot.pool.js';

/** `greatest` passes over nulls, and would make a live row one that has just ended. */
const ENDINGS: HotStatement = {
  name: 'atone-endings',
  text: `
select
  gid,
  case
    when finished_at is not null then greatest(0, extract(epoch from clock_timestamp() - finished_at) * 1000)::float8
  end as ended_for_ms
from atone.global_transaction
where gid = any($1::uuid[])
  and gid between $2 and $3`,
};

interface EndingRow {
  readonly gid: string;
  readonly ended_for_ms: number | null;
}

/** Reads whether the rows of `gids` have ended; see TransactionLog.endings. The least and the greatest name the days. */
export async function endingsOf(pool: StatementRunner, gids: readonly string[]): Promise<LoggedEnding[]> {
  const sorted = gids.toSorted();
  const rows = await pool.run<EndingRow>(ENDINGS, [sorted, sorted[0], sorted.at(-1)]);
  return rows.map(({ gid, ended_for_ms }) => ({ gid, endedForMs: ended_for_ms ?? undefined }));
}
