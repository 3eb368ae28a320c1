import { createTestDatabase } from '@atone/embedded-postgres';
import type { Pool, PoolClient } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { migrateBarrier } from './barrier.install.js';
import type { LocalDatabase } from './database.port.js';
import { pgDatabase } from './pg/pg.database.js';
import { MemoryDatabase, type MemoryRow, type MemoryTransaction } from './testing/memory.database.js';
import { openPool } from './testing/pool.fixture.js';
import { describeBarrierRemoval, type RemovalDatabase } from './testing/removal.conformance.js';
import { typeormDatabase } from './typeorm/typeorm.database.js';

const NOW = 1_767_225_600_000;

describeBarrierRemoval<MemoryTransaction>('a database in memory', async () => {
  let memory = new MemoryDatabase();
  let rows: string[] = [];
  const world = {
    database: memory.connect(),
    now: () => NOW,
    write: async (transaction: MemoryTransaction, gid: string) => transaction.record(gid),
    effectCount: async (gid: string) => memory.entries.filter((entry) => entry === gid).length,
    rowCount: async (gid: string) => rows.filter((key) => key.startsWith(gid)).length,
    somebodyWaits: () =>
      new Promise<void>((resolve) => {
        setImmediate(resolve);
      }),
    empty: async () => {
      rows = [];
      const clock = { now: () => NOW };
      memory = new MemoryDatabase((commit) => {
        const gone = new Set([...commit.removed, ...commit.rows].map(keyOf));
        rows = [...rows.filter((key) => !gone.has(key)), ...commit.rows.map(keyOf)];
      }, clock);
      world.database = memory.connect();
    },
    close: async () => undefined,
  };
  return world;
});

function keyOf({ gid, branchId }: MemoryRow): string {
  return `${gid} ${branchId}`;
}

describeBarrierRemoval<PoolClient>('pg', () =>
  overPostgres((pool) => {
    const database = pgDatabase(pool);
    return { database, close: async () => undefined };
  }),
);

describeBarrierRemoval<EntityManager>('TypeORM', () =>
  overPostgres(async (_pool, url) => {
    const dataSource = new DataSource({ type: 'postgres', url, poolSize: 10 });
    await dataSource.initialize();
    return { database: typeormDatabase(dataSource), close: () => dataSource.destroy() };
  }),
);

interface Opened<Transaction> {
  readonly database: LocalDatabase<Transaction>;
  close(): Promise<void>;
}

async function overPostgres<Transaction>(
  open: (pool: Pool, url: string) => Opened<Transaction> | Promise<Opened<Transaction>>,
): Promise<RemovalDatabase<Transaction>> {
  const testDatabase = await createTestDatabase();
  const pool = openPool(testDatabase.url);
  const opened = await open(pool, testDatabase.url);
  const { database } = opened;
  await migrateBarrier(database);
  await pool.query('create table effect (gid uuid not null)');
  const counted = async (table: string, gid: string): Promise<number> =>
    (await pool.query<{ count: number }>(`select count(*)::int from ${table} where gid = $1`, [gid])).rows[0]
      ?.count ?? 0;
  return {
    database,
    now: () => Date.now(),
    write: async (transaction, gid) => {
      await database.session(transaction).execute('insert into effect (gid) values ($1)', [gid]);
    },
    effectCount: (gid) => counted('effect', gid),
    rowCount: (gid) => counted('atone.barrier', gid),
    somebodyWaits: () => lockAwaited(pool),
    empty: async () => {
      await pool.query('truncate atone.barrier, atone.barrier_mark, effect');
    },
    close: async () => {
      await opened.close();
      await pool.end();
      await testDatabase.drop();
    },
  };
}

const AWAITED = `
select count(*)::int
from pg_locks
where not granted
  and pid in (select pid from pg_stat_activity where datname = current_database())`;

async function lockAwaited(pool: Pool): Promise<void> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for
    const { rows } = await pool.query<{ count: number }>(AWAITED);
    if ((rows[0]?.count ?? 0) > 0) {
      return;
    }
  }
}
