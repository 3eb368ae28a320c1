import type { HotStatement, StatementRunner } from './hot.pool.js';

/**
 * What tells one life of a database from the next: a cluster that was made anew has another system identifier, one that
 * was promoted, or recovered to a point in time, another timeline, a database that was copied from another one is another
 * database, and in one that was restored from a dump the table itself is another one. A disk that was put back as it had
 * been shows nothing of it.
 */
const IDENTITY = `concat_ws('/',
    (select system_identifier from pg_control_system()),
    left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (select oid from pg_database where datname = current_database()),
    'atone.log_life'::regclass::oid)`;

/**
 * The number of the log's present life, as a statement sees it; null where it has not been counted yet. By its key: a table of
 * one row, and yet nothing is to be read from end to end.
 */
export const PRESENT_LIFE = `(
    select l.epoch
    from atone.log_life as l
    where l.is_only
      and l.identity = ${IDENTITY}
  )`;

const READ: HotStatement = {
  name: 'atone-epoch',
  text: `
select epoch, identity = ${IDENTITY} as is_present
from atone.log_life`,
};

/**
 * Nobody who comes second raises it again. Counted from the minutes since 1970, so that a log that is made anew begins
 * no life that an earlier one had.
 */
const RAISE: HotStatement = {
  name: 'atone-raise-epoch',
  text: `
insert into atone.log_life as l (epoch, identity, began_at)
values (floor(extract(epoch from now()) / 60)::int, ${IDENTITY}, now())
on conflict (is_only) do update
set epoch = greatest(l.epoch + 1, excluded.epoch),
    identity = excluded.identity,
    began_at = now()
where l.identity <> excluded.identity`,
};

interface Life {
  readonly epoch: number;
  readonly is_present: boolean;
}

/** Returns the number of the log's present life, which begins here if the database has changed; see TransactionLog.epoch. */
export async function readEpoch(pool: StatementRunner): Promise<number> {
  const [known] = await pool.run<Life>(READ, []);
  if (known?.is_present === true) {
    return known.epoch;
  }
  await pool.run(RAISE, []);
  const [life] = await pool.run<Life>(READ, []);
  if (life === undefined) {
    throw new Error('The log has no life.');
  }
  return life.epoch;
}
