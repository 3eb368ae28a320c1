import { ROW_FORMAT } from '@atone/engine';
import type { AcceptOutcome, NewRow } from '@atone/engine';
import { jsonArray, plainArray, textArray } from './array.literal.js';
import type { HotStatement, StatementRunner } from './hot.pool.js';
import { DuplicateGidError, MissingDueError, RowEndedError, isEndState } from './batch.error.js';
import { PRESENT_LIFE } from './epoch.statement.js';
import { headColumns, msOf } from './row.mapper.js';

/** For how long an idempotency key is remembered. */
const KEY_LIFETIME_DAYS = 7;

/**
 * Inserts keys and rows. A key that somebody else has is written again as it is: only so does the statement see one
 * that was committed after it began. The keys come sorted, so that two batches with the same ones wait and do not
 * deadlock; the condition with `or` is answered from a hash table, a join would compare all with all.
 */
const ACCEPT: HotStatement = {
  name: 'atone-accept',
  text: `
with input as (
  select *
  from rows from (
    unnest(
      $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::text[], $10::text[], $11::boolean[], $12::uuid[], $13::float8[], $14::float8[], $15::float8[]
    ),
    json_array_elements($16::json),
    json_array_elements($17::json)
  ) as u (
    gid, kind, name, initiator, lane, tags, services, key,
    state, stuck_reason, is_paused, owner, due_in_ms, deadline_in_ms, stuck_at_ms, plan, progress
  )
),
key_of as (
  insert into atone.idempotency_key as k (key, gid, body_hash, created_at, expires_at)
  select u.key, u.gid, u.body_hash, now(), now() + interval '${KEY_LIFETIME_DAYS} days'
  from unnest($18::text[], $19::uuid[], $20::text[]) as u (key, gid, body_hash)
  on conflict (key) do update
  set gid = case when k.expires_at <= now() then excluded.gid else k.gid end,
      body_hash = case when k.expires_at <= now() then excluded.body_hash else k.body_hash end,
      created_at = case when k.expires_at <= now() then excluded.created_at else k.created_at end,
      expires_at = case when k.expires_at <= now() then excluded.expires_at else k.expires_at end
  returning key, gid, body_hash
),
written as (
  insert into atone.global_transaction (
    gid, kind, format, version, name, initiator, lane, tags, services,
    state, stuck_reason, stuck_at, is_paused, owner, due_at,
    deadline_at, accepted_at, updated_at, plan, progress
  )
  select
    u.gid, u.kind, ${ROW_FORMAT}, 1, u.name, u.initiator, u.lane, u.tags::text[], u.services::text[],
    u.state, u.stuck_reason, to_timestamp(u.stuck_at_ms / 1000), u.is_paused, u.owner,
    now() + u.due_in_ms * interval '1 millisecond',
    now() + u.deadline_in_ms * interval '1 millisecond', now(), now(), u.plan, u.progress
  from input as u
  where u.key is null
     or u.gid in (select gid from key_of)
)
select ${msOf('n.at')} as accepted_at, coalesce(${PRESENT_LIFE}, 0) as epoch, k.key, k.gid, k.body_hash
from (select now()::timestamptz(3) as at) as n
left join key_of as k on true`,
};

interface AcceptedRow {
  readonly accepted_at: number;
  readonly epoch: number;
  readonly key: string | null;
  readonly gid: string | null;
  readonly body_hash: string | null;
}

/** Inserts the rows in one statement; see TransactionLog.accept. */
export async function acceptRows(pool: StatementRunner, rows: readonly NewRow[]): Promise<AcceptOutcome[]> {
  checkBatch(rows);
  const first = firstOfEachKey(rows);
  const sent = rows.filter(({ gid, idempotency }) => !idempotency || first.get(idempotency.key)?.gid === gid);
  const answer = await pool.run<AcceptedRow>(ACCEPT, valuesOf(sent, [...first.values()]));

  const { accepted_at: acceptedAt = Number.NaN, epoch = 0 } = answer[0] ?? {};
  const holders = new Map(answer.map((holder) => [holder.key, holder]));
  return rows.map(({ gid, idempotency }) => {
    const holder = idempotency && holders.get(idempotency.key);
    return holder && holder.gid !== null && holder.body_hash !== null && holder.gid !== gid
      ? { outcome: 'key-taken', gid: holder.gid, bodyHash: holder.body_hash }
      : { outcome: 'accepted', acceptedAt, epoch };
  });
}

interface KeyOwner {
  readonly key: string;
  readonly gid: string;
  readonly bodyHash: string;
}

/** Of rows in one batch with the same key, the first has it; the others get the answer which that one gets. */
function firstOfEachKey(rows: readonly NewRow[]): Map<string, KeyOwner> {
  const first = new Map<string, KeyOwner>();
  for (const { gid, idempotency } of rows) {
    if (idempotency !== undefined && !first.has(idempotency.key))
      first.set(idempotency.key, { gid, ...idempotency });
  }
  return first;
}

function checkBatch(rows: readonly NewRow[]): void {
  const gids = new Set<string>();
  for (const { gid, progress } of rows) {
    if (gids.has(gid)) throw new DuplicateGidError(gid);
    if (isEndState(progress.state)) throw new RowEndedError(gid);
    if (progress.dueInMs === undefined) throw new MissingDueError(gid);
    gids.add(gid);
  }
}

function valuesOf(rows: readonly NewRow[], keys: readonly KeyOwner[]): unknown[] {
  const sorted = keys.toSorted((left, right) => (left.key < right.key ? -1 : 1));
  return [
    ...headColumns(rows),
    textArray(rows.map((row) => row.idempotency?.key)),
    textArray(rows.map((row) => row.progress.state)),
    textArray(rows.map((row) => row.progress.stuckReason)),
    plainArray(rows.map((row) => row.progress.isPaused)),
    textArray(rows.map((row) => row.owner)),
    plainArray(rows.map((row) => row.progress.dueInMs)),
    plainArray(rows.map((row) => row.deadlineInMs)),
    plainArray(rows.map((row) => row.progress.stuckAt)),
    jsonArray(rows.map((row) => row.plan)),
    jsonArray(rows.map((row) => row.progress.document)),
    textArray(sorted.map(({ key }) => key)),
    textArray(sorted.map(({ gid }) => gid)),
    textArray(sorted.map(({ bodyHash }) => bodyHash)),
  ];
}
