import type { DataSource, EntityManager } from 'typeorm';
import { pgFacts } from './pg-failure.js';

const DAY_MS = 86_400_000;
const DAYS_BACK = 1;
const DAYS_AHEAD = 7;

/*
 * Retention will be built here: it drops the partitions of days that the log no longer remembers, and in which no row is live.
 *
 * It must be the lack of a partition that refuses a late insertion. The coordinator looks at the age of a gid before it writes,
 * and can be suspended in between for as long as it likes. So whole days go, never single rows, whose places would be free
 * again; and no partition of a day that was dropped is made once more.
 */

/** Any fixed number would do; this one spells "part". */
const PARTITION_LOCK = 0x70_61_72_74;

/** So long the change of an index may wait for who is using it: whoever comes meanwhile waits behind it. */
const TUNE_WAIT_MS = 100;

const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Returns the smallest uuid whose 48 bits of time are `ms`: gids minted at or after `ms` are not below it, earlier
 * ones are.
 */
export function gidFloor(ms: number): string {
  const clamped = Math.min(Math.max(Math.floor(ms), 0), 2 ** 48 - 1);
  const time = clamped.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** Makes the partitions from yesterday to seven days ahead which are not there yet, and tunes all. Several instances may do it at once. */
export async function ensurePartitions(dataSource: DataSource): Promise<void> {
  const nowMs = await databaseNow(dataSource.manager);
  const today = Math.floor(nowMs / DAY_MS);
  const days = Array.from({ length: DAYS_BACK + 1 + DAYS_AHEAD }, (_, index) => today - DAYS_BACK + index);
  const existing = new Set(await partitionNames(dataSource.manager));
  const missing = days.filter((day) => !existing.has(partitionName(day)));
  if (missing.length > 0) await dataSource.transaction((manager) => addPartitions(manager, missing));
  for (const index of await listingIndexes(dataSource.manager)) {
    // oxlint-disable-next-line no-await-in-loop -- others who use the log wait for one at a time.
    await takeInAtOnce(dataSource, index);
  }
}

async function addPartitions(manager: EntityManager, days: readonly number[]): Promise<void> {
  await manager.query('select pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
  const existing = new Set(await partitionNames(manager));
  for (const day of days) {
    // oxlint-disable-next-line no-await-in-loop -- one connection.
    if (!existing.has(partitionName(day))) await addPartition(manager, day);
  }
}

/**
 * Makes a table first and attaches it then: to create it as a partition would lock out every reader and writer of the
 * log, and wait for the slowest of them.
 */
async function addPartition(manager: EntityManager, day: number): Promise<void> {
  const table = `atone.${partitionName(day)}`;
  await manager.query(
    `create table ${table} (like atone.global_transaction including all) with (fillfactor = 70)`,
  );
  await manager.query(
    `alter table atone.global_transaction attach partition ${table} ` +
      `for values from ('${gidFloor(day * DAY_MS)}') to ('${gidFloor((day + 1) * DAY_MS)}')`,
  );
}

/**
 * Has an index of services or tags take in each row at once, and not by way of a list that is merged later: what the list saves a
 * server that commits row by row, batches save already, and each of its entries is logged with all that is known of the list. It is a
 * matter of each partition's own index, which inherits no change from the one above.
 *
 * The change keeps out everybody for a moment, and has to wait for those who are there. One that is in use for longer, by a vacuum or
 * somebody's long transaction, stays as it is until the next time: else the whole log would stand still behind them.
 */
async function takeInAtOnce(dataSource: DataSource, index: string): Promise<void> {
  try {
    await dataSource.transaction(async (manager) => {
      await manager.query(`set local lock_timeout = ${TUNE_WAIT_MS}`);
      await manager.query(`alter index ${index} set (fastupdate = off)`);
    });
  } catch (error) {
    if (pgFacts(error).code !== LOCK_NOT_AVAILABLE) throw error;
  }
}

/** Returns the indexes of partitions that keep such a list. */
async function listingIndexes(manager: EntityManager): Promise<string[]> {
  const rows: { name: string }[] = await manager.query(`
    select i.indexrelid::regclass::text as name
    from pg_inherits as p
    join pg_index as i on i.indrelid = p.inhrelid
    join pg_class as c on c.oid = i.indexrelid
    join pg_am as a on a.oid = c.relam
    where p.inhparent = 'atone.global_transaction'::regclass
      and a.amname = 'gin'
      and not coalesce('fastupdate=off' = any (c.reloptions), false)`);
  return rows.map(({ name }) => name);
}

function partitionName(day: number): string {
  return `global_transaction_${new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

async function partitionNames(manager: EntityManager): Promise<string[]> {
  const rows: { name: string }[] = await manager.query(`
    select c.relname as name
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'atone.global_transaction'::regclass`);
  return rows.map(({ name }) => name);
}

async function databaseNow(manager: EntityManager): Promise<number> {
  const rows: { now_ms: number }[] = await manager.query(
    'select (extract(epoch from now()) * 1000)::float8 as now_ms',
  );
  return rows[0]?.now_ms ?? Number.NaN;
}
