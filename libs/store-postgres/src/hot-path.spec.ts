import { randomUUID } from 'node:crypto';
import { createTestDatabase } from '@atone/embedded-postgres';
import type { TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { acceptRows } from './accept.statement.js';
import { claimDueRows, claimRow, getRow, ownedGids } from './claim.statement.js';
import { drivesOf } from './drives.query.js';
import { HotPool } from './hot.pool.js';
import type { HotStatement, StatementRunner } from './hot.pool.js';
import { endLease, renewLease } from './lease.statement.js';
import { openPostgresStore } from './open.store.js';
import { end, keep, newRow, newRows, OWNER, running } from './testing/row.factory.js';
import { updateRows } from './update.statement.js';

const OTHER = randomUUID();

let database: TestDatabase;
/** The life of the log. */
let epoch: number;
let side: pg.Client;
/** Looks on from another database, so that its own commits are not counted. */
let watcher: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  const store = await openPostgresStore({ url: database.url, acceptLoss: true });
  epoch = await store.log.epoch();
  await store.close();
  side = new pg.Client({ connectionString: database.url });
  watcher = new pg.Client({ connectionString: process.env['ATONE_TEST_DATABASE_URL'] });
  await Promise.all([side.connect(), watcher.connect()]);
});

afterAll(async () => {
  await Promise.all([side.end(), watcher.end()]);
  await database.drop();
});

function connect(): HotPool {
  return new HotPool({ url: database.url, applicationName: 'measured', connectionCountMax: 1 });
}

interface Counters {
  readonly seqScanCount: number;
  readonly updateCount: number;
  readonly hotUpdateCount: number;
  readonly commitCount: number;
}

const TABLE_COUNTERS = `
select sum(seq_scan)::int as "seqScanCount",
       sum(n_tup_upd) filter (where relname like 'global_transaction%')::int as "updateCount",
       sum(n_tup_hot_upd) filter (where relname like 'global_transaction%')::int as "hotUpdateCount"
from pg_stat_user_tables
where schemaname = 'atone'`;

const COMMIT_COUNT = `
select xact_commit::int as "commitCount"
from pg_stat_database
where datname = $1`;

const OTHERS = `
select
from pg_stat_activity
where datname = $1
  and backend_type = 'client backend'`;

/** A server before PostgreSQL 15 hands counters from one process to the other, which takes up to a second. */
const LET_COUNTERS_ARRIVE = `
select case when current_setting('server_version_num')::int < 150000 then pg_sleep(2) end`;

/** Returns what `work` made the server count. */
async function measure(work: (pool: HotPool) => Promise<void>): Promise<Counters> {
  const before = await readCounters();
  const pool = connect();
  await work(pool);
  await pool.close();
  const after = await readCounters();
  return {
    seqScanCount: after.seqScanCount - before.seqScanCount,
    updateCount: after.updateCount - before.updateCount,
    hotUpdateCount: after.hotUpdateCount - before.hotUpdateCount,
    commitCount: after.commitCount - before.commitCount,
  };
}

/** Reads the counters once nobody but us is connected: a server process reports all that it counted when it ends. */
async function readCounters(): Promise<Counters> {
  const name = new URL(database.url).pathname.slice(1);
  for (let rowCount: number | null = 2; rowCount !== 1;) {
    // oxlint-disable-next-line no-await-in-loop -- until it is so.
    ({ rowCount } = await watcher.query(OTHERS, [name]));
  }
  await watcher.query(LET_COUNTERS_ARRIVE);
  const tables = await side.query<Omit<Counters, 'commitCount'>>(TABLE_COUNTERS);
  const commits = await watcher.query<Pick<Counters, 'commitCount'>>(COMMIT_COUNT, [name]);
  if (tables.rows[0] === undefined || commits.rows[0] === undefined)
    throw new Error('The server counts nothing.');
  return { ...tables.rows[0], ...commits.rows[0] };
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

/** Runs what `work` sends, but shows how each statement is carried out instead, and takes it back. */
async function explain(work: (runner: StatementRunner) => Promise<unknown>): Promise<PlanNode[]> {
  const sent: { statement: HotStatement; values: readonly unknown[] }[] = [];
  await work({
    run: async <Row>(statement: HotStatement, values: readonly unknown[]) => {
      sent.push({ statement, values });
      return Promise.resolve<Row[]>([]);
    },
  });
  const pool = connect();
  const run = (text: string) =>
    pool.run<{ 'QUERY PLAN': { Plan: PlanNode }[] }>({ name: text.slice(0, 60), text }, []);
  try {
    const [first] = sent;
    if (first === undefined) throw new Error('Nothing was sent.');
    await run(`prepare p as ${first.statement.text}`);
    await run('begin');
    const [plan] = await run(
      `explain (analyze, format json) execute p (${first.values.map(literal).join(', ')})`,
    );
    await run('rollback');
    return (plan?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => withBelow(Plan));
  } finally {
    await pool.close();
  }
}

function withBelow(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(withBelow)];
}

function literal(value: unknown): string {
  const text = Array.isArray(value)
    ? `{${value.map((element) => (element === undefined ? 'null' : JSON.stringify(String(element)))).join(',')}}`
    : String(value);
  return pg.escapeLiteral(text);
}

function seqScans(nodes: readonly PlanNode[]): PlanNode[] {
  return nodes.filter((node) => node['Node Type'] === 'Seq Scan');
}

/** Returns the partitions in which something was looked for. */
function visited(nodes: readonly PlanNode[]): string[] {
  const looked = nodes.filter(
    (node) =>
      node['Node Type'].includes('Index') &&
      node['Actual Loops'] > 0 &&
      node['Relation Name']?.startsWith('global_transaction'),
  );
  return [...new Set(looked.map((node) => String(node['Relation Name'])))];
}

test('an update looks rows up by their key, in the partition of their day and no other', async () => {
  const rows = newRows(100, { epoch });
  const pool = connect();
  await acceptRows(pool, rows);
  await pool.close();

  const nodes = await explain((runner) =>
    updateRows(
      runner,
      rows.map((row) => keep(row, 1)),
    ),
  );

  expect(seqScans(nodes)).toEqual([]);
  expect(visited(nodes)).toHaveLength(1);
});

test.each([
  [
    'accepting',
    (runner: StatementRunner) => acceptRows(runner, newRows(9, { idempotency: { key: 'k', bodyHash: 'h' } })),
  ],
  ['looking for what is due', (runner: StatementRunner) => claimDueRows(runner, OTHER, 100)],
  ['taking one row', (runner: StatementRunner) => claimRow(runner, OTHER, newRow().gid)],
  ['reading one row', (runner: StatementRunner) => getRow(runner, newRow().gid)],
  ['looking for own rows', (runner: StatementRunner) => ownedGids(runner, OWNER)],
  ['renewing a lease', (runner: StatementRunner) => renewLease(runner, OWNER, { leaseMs: 1_000 })],
  ['looking who drives', (runner: StatementRunner) => drivesOf(runner, [newRow().gid, newRow().gid])],
  ['ending a lease', (runner: StatementRunner) => endLease(runner, OWNER)],
])('%s reads no table from end to end, though nobody has analysed it', async (_what, work) => {
  const nodes = await explain(work);

  expect(seqScans(nodes)).toEqual([]);
});

test('a run of batches reads no table from end to end, and commits once for each batch', async () => {
  const rows = Array.from({ length: 20 }, () => newRows(32, { epoch }));

  const counters = await measure(async (pool) => {
    for (const batch of rows) {
      // oxlint-disable no-await-in-loop -- one after the other, as a lane sends them.
      await acceptRows(pool, batch);
      await updateRows(
        pool,
        batch.map((row) => keep(row, 1)),
      );
      await updateRows(
        pool,
        batch.map((row) => end(row, 2)),
      );
      await claimDueRows(pool, OTHER, 10);
      // oxlint-enable no-await-in-loop
    }
  });

  expect(counters.seqScanCount).toBe(0);
  expect(counters.updateCount).toBeGreaterThanOrEqual(2 * 20 * 32);
  expect(counters.commitCount).toBeGreaterThanOrEqual(80);
  // A connection that opens may commit, too; a second commit for each batch would be 160.
  expect(counters.commitCount).toBeLessThan(90);
});

async function makeRoomy(): Promise<void> {
  const { rows } = await side.query<{ table: string }>(`
    select inhrelid::regclass::text as table
    from pg_inherits
    where inhparent = 'atone.global_transaction'::regclass`);
  const changes = rows.map(({ table }) => `alter table ${table} set (fillfactor = 20)`);
  await side.query(changes.join('; '));
}

test('progress in between touches no index', async () => {
  // Pages are made roomy: how soon the server reuses room depends on what else it does just then.
  await makeRoomy();
  const history = 'x'.repeat(600);
  const rows = newRows(400, { epoch, progress: running({ document: { history } }) });

  const counters = await measure(async (pool) => {
    await acceptRows(pool, rows);
    for (let turn = 0; turn < 24; turn += 1) {
      const some = rows.filter((_, index) => index % 8 === turn % 8);
      const version = Math.floor(turn / 8) + 1;
      const document = { history, turn };
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as a lane sends them.
      await updateRows(
        pool,
        some.map((row) => keep(row, version, { document, dueInMs: 1_000 * turn })),
      );
    }
  });

  expect(counters.updateCount).toBe(1_200);
  expect(counters.hotUpdateCount).toBe(1_200);
});
