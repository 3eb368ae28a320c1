import { ROW_FORMAT } from '@atone/engine';
import type { InsertOutcome, NewRow } from '@atone/engine';
import { getRows } from './claim.statement.js';
import { checkBatch } from './batch.error.js';
import { countFinished } from './finished.count.js';
import { PRESENT_LIFE } from './epoch.statement.js';
import type { HotStatement, StatementRunner } from './hot.pool.js';
import { jsonArray, plainArray, textArray } from './array.literal.js';
import { headColumns, msOf } from './row.mapper.js';

/**
 * Inserts what is not there. The rows come sorted, so that two batches with the same gids wait and do not deadlock; who
 * waits finds the other's row, and inserts nothing. The life of the log is looked at here, and not before: in between
 * the log may have failed over to a database that lacks what was decided last.
 */
const INSERT_IF_ABSENT: HotStatement = {
  name: 'atone-insert-if-absent',
  text: `
with life as materialized (
  select ${PRESENT_LIFE} as epoch
),
written as (
  insert into atone.global_transaction (
    gid, kind, format, version, name, initiator, lane, tags, services,
    state, is_paused, owner, due_at, deadline_at, accepted_at, updated_at, finished_at, plan, progress
  )
  select
    u.gid, u.kind, ${ROW_FORMAT}, 1, u.name, u.initiator, u.lane, u.tags::text[], u.services::text[],
    u.state, u.is_paused,
    case when u.state not in ('committed', 'aborted') then u.owner end,
    case when u.state not in ('committed', 'aborted') then now() + u.due_in_ms * interval '1 millisecond' end,
    now() + u.deadline_in_ms * interval '1 millisecond', now(), now(),
    case when u.state in ('committed', 'aborted') then now() end,
    u.plan, u.progress
  from rows from (
    unnest(
      $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::boolean[], $10::uuid[], $11::float8[], $12::float8[], $13::int[]
    ),
    json_array_elements($14::json),
    json_array_elements($15::json)
  ) as u (
    gid, kind, name, initiator, lane, tags, services, state,
    is_paused, owner, due_in_ms, deadline_in_ms, epoch, plan, progress
  )
  where u.epoch is null
     or u.epoch = (select epoch from life)
  on conflict (gid) do nothing
  returning gid, state, finished_at
),
${countFinished('written')}
select w.gid, ${msOf('n.at')} as accepted_at, l.epoch
from (select now()::timestamptz(3) as at) as n
cross join life as l
left join written as w on true`,
};

interface InsertedRow {
  readonly gid: string | null;
  readonly accepted_at: number;
  /** Null where the database has changed, and the new life has no number yet. */
  readonly epoch: number | null;
}

/** Inserts the rows in one statement; see TransactionLog.insertIfAbsent. */
export async function insertAbsentRows(
  pool: StatementRunner,
  rows: readonly NewRow[],
): Promise<InsertOutcome[]> {
  checkBatch(rows);
  const sorted = rows.toSorted((left, right) => (left.gid < right.gid ? -1 : 1));
  const inserted = await pool.run<InsertedRow>(INSERT_IF_ABSENT, valuesOf(sorted));
  const acceptedAt = new Map(inserted.map((row) => [row.gid, row.accepted_at]));
  const life = inserted[0]?.epoch ?? undefined;
  const others = rows.filter(({ gid, epoch }) => !acceptedAt.has(gid) && isOfOtherLife(epoch, life));
  const held = new Set(others.length === 0 ? [] : await heldGids(pool, others));
  return rows.map(({ gid, epoch }) => {
    const at = acceptedAt.get(gid);
    if (at !== undefined) {
      return { outcome: 'inserted', acceptedAt: at, epoch: life ?? 0 };
    }
    return isOfOtherLife(epoch, life) && !held.has(gid) ? { outcome: 'other-life' } : { outcome: 'exists' };
  });
}

function isOfOtherLife(epoch: number | undefined, life: number | undefined): boolean {
  return epoch !== undefined && epoch !== life;
}

async function heldGids(pool: StatementRunner, rows: readonly NewRow[]): Promise<string[]> {
  const found = await getRows(
    pool,
    rows.map(({ gid }) => gid),
  );
  return found.map(({ gid }) => gid);
}

function valuesOf(rows: readonly NewRow[]): unknown[] {
  return [
    ...headColumns(rows),
    textArray(rows.map((row) => row.progress.state)),
    plainArray(rows.map((row) => row.progress.isPaused)),
    textArray(rows.map((row) => row.owner)),
    plainArray(rows.map((row) => row.progress.dueInMs)),
    plainArray(rows.map((row) => row.deadlineInMs)),
    plainArray(rows.map((row) => row.epoch)),
    jsonArray(rows.map((row) => row.plan)),
    jsonArray(rows.map((row) => row.progress.document)),
  ];
}
