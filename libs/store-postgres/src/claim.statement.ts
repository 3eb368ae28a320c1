import { ROW_FORMAT } from '@atone/engine';
import type { ClaimedRow, KeyHolder, StoredRow } from '@atone/engine';
import { PRESENT_LIFE } from './epoch.statement.js';
import type { HotStatement, StatementRunner } from './hot.pool.js';
import { ROW_COLUMNS, toStoredRow } from './row.mapper.js';
import type { RawRow } from './row.mapper.js';

/**
 * Takes up to $2 rows for instance $1: first those of dead owners, then those that are due and have no owner.
 *
 * The owners of live rows are found by stepping through the index from one to the next, so that the rows of the
 * living, which are nearly all, are not read. What others are just taking is skipped.
 *
 * What is taken is materialized: a row that another claim has just changed is looked at once more, and if that look
 * went through the limits again, it would count rows twice.
 */
const CLAIM_DUE: HotStatement = {
  name: 'atone-claim-due',
  text: `
with recursive owner_of as (
  (
    select owner
    from atone.global_transaction
    where finished_at is null
      and owner is not null
    order by owner
    limit 1
  )
  union all
  select (
    select t.owner
    from atone.global_transaction as t
    where t.finished_at is null
      and t.owner > o.owner
    order by t.owner
    limit 1
  )
  from owner_of as o
  where o.owner is not null
),
dead as (
  select o.owner
  from owner_of as o
  where o.owner is not null
    and o.owner <> $1
    and not exists (
      select from atone.instance as i
      where i.instance_id = o.owner
        and i.lease_until > now()
    )
),
orphaned as (
  select t.gid, d.owner
  from dead as d
  join atone.global_transaction as t on t.owner = d.owner
  where t.finished_at is null
    and t.format <= ${ROW_FORMAT}
  limit $2
  for update of t skip locked
),
unowned as (
  select t.gid, t.owner
  from atone.global_transaction as t
  where t.finished_at is null
    and t.owner is null
    and t.due_at <= now()
    and t.format <= ${ROW_FORMAT}
  order by t.due_at
  limit $2 - (select count(*) from orphaned)
  for update of t skip locked
),
taken as materialized (
  select gid, owner from orphaned
  union all
  select gid, owner from unowned
)
update atone.global_transaction as t
set owner = $1,
    version = t.version + 1,
    updated_at = now()
from taken
where t.gid = taken.gid
returning ${ROW_COLUMNS}, coalesce(${PRESENT_LIFE}, 0) as epoch, taken.owner as "formerOwner"`,
};

/** Takes row $2 for instance $1 from whoever has it. */
const CLAIM_ONE: HotStatement = {
  name: 'atone-claim-one',
  text: `
update atone.global_transaction as t
set owner = $1,
    version = t.version + 1,
    updated_at = now()
where t.gid = $2
  and t.finished_at is null
  and t.format <= ${ROW_FORMAT}
returning ${ROW_COLUMNS}, coalesce(${PRESENT_LIFE}, 0) as epoch`,
};

/**
 * Takes those of rows $2 anew that instance $1 owns. The bounds let the planner leave out other days' partitions. What others are
 * just at is skipped: to wait for one row while others are locked may be to wait for ever.
 */
const CLAIM_OWN: HotStatement = {
  name: 'atone-claim-own',
  text: `
with own as materialized (
  select t.gid
  from atone.global_transaction as t
  where t.gid = any($2::uuid[])
    and t.gid between $3 and $4
    and t.owner = $1
    and t.finished_at is null
    and t.format <= ${ROW_FORMAT}
  for update of t skip locked
)
update atone.global_transaction as t
set version = t.version + 1,
    updated_at = now()
from own
where t.gid = own.gid
  and t.gid between $3 and $4
returning ${ROW_COLUMNS}, coalesce(${PRESENT_LIFE}, 0) as epoch`,
};

const GET: HotStatement = {
  name: 'atone-get',
  text: `
select ${ROW_COLUMNS}
from atone.global_transaction as t
where t.gid = $1`,
};

const GET_MANY: HotStatement = {
  name: 'atone-get-many',
  text: `
select ${ROW_COLUMNS}
from atone.global_transaction as t
where t.gid = any($1::uuid[])
  and t.gid between $2 and $3`,
};

const FIND_KEY: HotStatement = {
  name: 'atone-find-key',
  text: `
select gid, body_hash as "bodyHash"
from atone.idempotency_key
where key = $1
  and expires_at > now()`,
};

const ENDED: HotStatement = {
  name: 'atone-ended',
  text: `
select gid
from atone.global_transaction
where gid = any($1::uuid[])
  and gid between $2 and $3
  and finished_at is not null`,
};

const OWNED: HotStatement = {
  name: 'atone-owned',
  text: `
select gid
from atone.global_transaction
where finished_at is null
  and owner = $1`,
};

interface RawClaim extends RawRow {
  readonly epoch: number;
  readonly formerOwner?: string | null;
}

export async function claimDueRows(
  pool: StatementRunner,
  instanceId: string,
  limit: number,
): Promise<ClaimedRow[]> {
  const rows = await pool.run<RawClaim>(CLAIM_DUE, [instanceId, limit]);
  return rows.map(toClaimedRow);
}

export async function claimRow(
  pool: StatementRunner,
  instanceId: string,
  gid: string,
): Promise<ClaimedRow | undefined> {
  const [row] = await pool.run<RawClaim>(CLAIM_ONE, [instanceId, gid]);
  return row && toClaimedRow(row);
}

export async function claimOwnRows(
  pool: StatementRunner,
  instanceId: string,
  gids: readonly string[],
): Promise<ClaimedRow[]> {
  const sorted = gids.toSorted();
  const rows = await pool.run<RawClaim>(CLAIM_OWN, [instanceId, sorted, sorted[0], sorted.at(-1)]);
  return rows.map(toClaimedRow);
}

function toClaimedRow(raw: RawClaim): ClaimedRow {
  return { ...toStoredRow(raw), epoch: raw.epoch, formerOwner: raw.formerOwner ?? undefined };
}

export async function getRow(pool: StatementRunner, gid: string): Promise<StoredRow | undefined> {
  const [row] = await pool.run<RawRow>(GET, [gid]);
  return row && toStoredRow(row);
}

export async function getRows(pool: StatementRunner, gids: readonly string[]): Promise<StoredRow[]> {
  const sorted = gids.toSorted();
  const rows = await pool.run<RawRow>(GET_MANY, [sorted, sorted[0], sorted.at(-1)]);
  return rows.map(toStoredRow);
}

export async function ownedGids(pool: StatementRunner, instanceId: string): Promise<string[]> {
  const rows = await pool.run<{ gid: string }>(OWNED, [instanceId]);
  return rows.map(({ gid }) => gid);
}

export async function findKeyHolder(pool: StatementRunner, key: string): Promise<KeyHolder | undefined> {
  const [holder] = await pool.run<{ gid: string; bodyHash: string }>(FIND_KEY, [key]);
  return holder;
}

export async function endedGids(pool: StatementRunner, gids: readonly string[]): Promise<string[]> {
  const sorted = gids.toSorted();
  const rows = await pool.run<{ gid: string }>(ENDED, [sorted, sorted[0], sorted.at(-1)]);
  return rows.map(({ gid }) => gid);
}
