import { ROW_FORMAT, type RowCounts, type RowState } from '@atone/engine';
import type { DataSource } from 'typeorm';
import { msOf } from './row.mapper.js';

const BY_STATE = `
select state, count(*)::float8 as count
from atone.global_transaction
where finished_at is null
group by state
union all
select state, sum(count)::float8
from atone.finished_count
where minute > now() - interval '24 hours'
group by state`;

const STUCK = `
select stuck_reason as reason, count(*)::float8 as count, ${msOf('min(stuck_at)')} as oldest_at
from atone.global_transaction
where stuck_at is not null
  and finished_at is null
group by stuck_reason`;

const PAUSED = `
select count(*)::float8 as count
from atone.global_transaction
where is_paused
  and finished_at is null`;

const UNKNOWN_FORMAT = `
select count(*)::float8 as count
from atone.global_transaction
where format > ${ROW_FORMAT}
  and finished_at is null`;

/** Returns how many there are of each kind. What it costs depends on the live rows, not on the finished ones. */
export async function countRows(dataSource: DataSource): Promise<RowCounts> {
  const [states, stuck, paused, unknown] = await Promise.all([
    dataSource.query<{ state: RowState; count: number }[]>(BY_STATE),
    dataSource.query<{ reason: string; count: number; oldest_at: number }[]>(STUCK),
    dataSource.query<{ count: number }[]>(PAUSED),
    dataSource.query<{ count: number }[]>(UNKNOWN_FORMAT),
  ]);
  const none = { active: 0, running: 0, committing: 0, aborting: 0, committed: 0, aborted: 0 };
  return {
    byState: { ...none, ...Object.fromEntries(states.map(({ state, count }) => [state, count])) },
    stuckByReason: Object.fromEntries(stuck.map(({ reason, count }) => [reason, count])),
    pausedCount: paused[0]?.count ?? 0,
    unknownFormatCount: unknown[0]?.count ?? 0,
    oldestStuckAt: stuck.length === 0 ? undefined : Math.min(...stuck.map((row) => row.oldest_at)),
  };
}
