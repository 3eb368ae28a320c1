import type { RowUpdate } from '@atone/engine';
import { jsonArray, plainArray, textArray } from './array.literal.js';
import { checkBatch } from './batch.error.js';
import { PRESENT_LIFE } from './epoch.statement.js';
import { countFinished } from './finished.count.js';
import type { HotStatement, StatementRunner } from './hot.pool.js';
import { tagArray } from './row.mapper.js';

/**
 * Compares and sets. The bounds let the planner leave out other days' partitions. While a row has an owner its due
 * time does not count and stays as it is, because a change of an indexed column is what makes an update expensive.
 * A finished row never changes, whatever version is named. The life of the log is looked at as well: in between it may have
 * failed over to a database that lacks what was written last, and then another state may have got the same version.
 * What it has changed comes as one row: to read a row of the answer costs the driver as much as to write a column.
 */
const UPDATE: HotStatement = {
  name: 'atone-update',
  text: `
with changed as (
  update atone.global_transaction as t
  set version = t.version + 1,
      state = u.state,
      stuck_reason = u.stuck_reason,
      stuck_at = to_timestamp(u.stuck_at_ms / 1000),
      is_paused = u.is_paused,
      owner = u.owner,
      services = coalesce(u.services::text[], t.services),
      name = coalesce(u.name, t.name),
      lane = coalesce(u.lane, t.lane),
      tags = coalesce(u.tags::text[], t.tags),
      due_at = case
        when u.state in ('committed', 'aborted') then null
        when u.owner is null then now() + u.due_in_ms * interval '1 millisecond'
        else t.due_at
      end,
      updated_at = now(),
      finished_at = case when u.state in ('committed', 'aborted') then now() end,
      progress = u.progress
  from rows from (
    unnest(
      $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::float8[], $8::boolean[], $9::uuid[], $10::float8[],
      $11::int[], $12::text[], $13::text[], $14::text[], $15::text[]
    ),
    json_array_elements($16::json)
  ) as u (
    gid, version, state, stuck_reason, stuck_at_ms, is_paused, owner, due_in_ms,
    epoch, services, name, lane, tags, progress
  )
  where t.gid = u.gid
    and t.gid between $1 and $2
    and t.version = u.version
    and t.finished_at is null
    and u.epoch = ${PRESENT_LIFE}
  returning t.gid, t.state, t.finished_at
),
${countFinished('changed')}
select string_agg(gid::text, ',') as gids
from changed`,
};

/** Changes the rows that still have their version, in one statement; see TransactionLog.update. */
export async function updateRows(pool: StatementRunner, updates: readonly RowUpdate[]): Promise<boolean[]> {
  checkBatch(updates);
  // Two batches that hold the same rows lock them in this order, and so wait and do not deadlock.
  const sorted = updates.toSorted((left, right) => (left.gid < right.gid ? -1 : 1));
  const [changed] = await pool.run<{ gids: string | null }>(UPDATE, [
    sorted[0]?.gid,
    sorted.at(-1)?.gid,
    textArray(sorted.map(({ gid }) => gid)),
    plainArray(sorted.map(({ version }) => version)),
    textArray(sorted.map(({ progress }) => progress.state)),
    textArray(sorted.map(({ progress }) => progress.stuckReason)),
    plainArray(sorted.map(({ progress }) => progress.stuckAt)),
    plainArray(sorted.map(({ progress }) => progress.isPaused)),
    textArray(sorted.map(({ owner }) => owner)),
    plainArray(sorted.map(({ progress }) => progress.dueInMs)),
    plainArray(sorted.map(({ epoch }) => epoch)),
    textArray(sorted.map(({ services }) => services && textArray(services))),
    textArray(sorted.map(({ title }) => title?.name)),
    textArray(sorted.map(({ title }) => title?.lane)),
    textArray(sorted.map(({ title }) => title && tagArray(title.tags))),
    jsonArray(sorted.map(({ progress }) => progress.document)),
  ]);
  const gids = new Set(changed?.gids?.split(','));
  return updates.map(({ gid }) => gids.has(gid));
}
