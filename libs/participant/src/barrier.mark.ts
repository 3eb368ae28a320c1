import type { SqlSession } from './database.port.js';

/*
 * Rows of ended transactions are removed, and an action that comes after that finds none. So that it is not taken for
 * the first of its branch, the removal raises the mark: no row of a greater gid was ever removed. An action up to the
 * mark takes effect only if the coordinator calls its transaction live.
 *
 * Why none slips through: the mark is raised in the transaction of the removal. An action first takes its row, waiting
 * for a removal that is under way, and its last statement, `STORE_OUTPUT`, reads the mark again. That statement begins
 * after the row was taken, so at READ COMMITTED it sees the mark of every removal that the taking came behind. (The
 * statement that takes the row may not: what it reads is as old as its beginning.) The coordinator, too, is asked after
 * the row was taken, and what has ended stays ended: if it says live, there was no removal.
 *
 * The mark is a gid and no time of issue: an instance of the coordinator that was paused can issue commands of a
 * transaction long after another instance has ended it. What is compared with its own kind needs no clock.
 */

/** Whether rows of this gid, which is $1, may have been removed, as the statement sees it. */
export const IS_PAST = 'exists (select from atone.barrier_mark as m where m.gid >= $1::uuid)';

/**
 * Reads rows in the order of the primary key, and never more than $4 and the rest of one gid: no index tells the rows of a
 * service apart, and whatever the planner knows of the table, it need not sort all of it. Old is what is by the gid's own
 * time. That need not be right: the coordinator has the say.
 */
export const FIND_OLD = `
with looked as (
  select gid, service
  from atone.barrier
  where gid > $2::uuid
  order by gid
  fetch first $4 rows with ties
)
select gid, bool_or(service = $1) as is_own
from looked
where gid < (
    lpad(to_hex(greatest(0, extract(epoch from now()) * 1000 - $3::float8)::bigint), 12, '0') || repeat('0', 20)
  )::uuid
  and (service = $1 or gid = (select gid from looked order by gid desc limit 1))
group by gid
order by gid`;

/** Which rows to look for. */
export interface OldRows {
  readonly service: string;
  /** Only greater gids. */
  readonly after: string;
  /** Only gids that were minted so long ago, by the clock of the database. */
  readonly olderThanMs: number;
  /** How many rows to look at, be they the service's or not. */
  readonly rowCount: number;
}

/** What was found among the rows that were looked at. */
export interface FoundGids {
  /** The gids of old rows of the service, the least first. */
  readonly own: readonly string[];
  /** Behind which gid to look on; undefined where there is no old row. */
  readonly last: string | undefined;
}

/** Looks for old rows. */
export async function findOld(sql: SqlSession, old: OldRows): Promise<FoundGids> {
  const { rows } = await sql.execute(FIND_OLD, [old.service, old.after, old.olderThanMs, old.rowCount]);
  const gids = rows.map((row) => String(row['gid']));
  return { own: gids.filter((_gid, index) => rows[index]?.['is_own'] === true), last: gids.at(-1) };
}

export const RAISE_MARK = `
insert into atone.barrier_mark as m (gid)
values ($1::uuid)
on conflict (is_only) do update
set gid = greatest(m.gid, excluded.gid), raised_at = now()`;

/**
 * What is locked is in use, by a late duplicate, say, and what is in doubt is yet to be told how to end, though its
 * transaction has ended: a later pass finds them again.
 */
export const REMOVE_ROWS = `
with removable as (
  select gid, branch_id
  from atone.barrier
  where service = $1
    and gid = any($2::uuid[])
    and doubt_at is null
  for update skip locked
)
delete from atone.barrier as b
using removable as r
where b.gid = r.gid
  and b.branch_id = r.branch_id`;

/** Removes the rows of transactions that have ended, having raised the mark to them; returns how many it removed. */
export async function removeRows(sql: SqlSession, service: string, gids: readonly string[]): Promise<number> {
  // Others who remove rows wait here, so that they take the row locks one after the other.
  await sql.execute(RAISE_MARK, [gids.toSorted().at(-1)]);
  const { affectedCount } = await sql.execute(REMOVE_ROWS, [service, gids]);
  return affectedCount;
}
