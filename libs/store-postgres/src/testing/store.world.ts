import type { TestDatabase } from '@atone/embedded-postgres';
import { createTestDatabase } from '@atone/embedded-postgres';
import pg from 'pg';
import { openPostgresStore } from '../open.store.js';
import type { PostgresStore } from '../open.store.js';

/** A store in a database of its own, and a connection beside it. */
export interface StoreWorld {
  readonly database: TestDatabase;
  readonly store: PostgresStore;
  readonly side: pg.Client;
  end(): Promise<void>;
}

export async function openStoreWorld(): Promise<StoreWorld> {
  const database = await createTestDatabase();
  // The server of the tests is not durable, for speed.
  const store = await openPostgresStore({ url: database.url, acceptLoss: true });
  const side = new pg.Client({ connectionString: database.url });
  await side.connect();
  const end = async () => {
    await Promise.all([store.close(), side.end()]);
    await database.drop();
  };
  return { database, store, side, end };
}

/** Lets time pass without waiting: everything that is in the log happened that much earlier. */
export async function shiftTime(side: pg.Client, ms: number): Promise<void> {
  const columns = {
    global_transaction: ['accepted_at', 'updated_at', 'finished_at', 'stuck_at', 'due_at', 'deadline_at'],
    idempotency_key: ['created_at', 'expires_at'],
    instance: ['started_at', 'lease_until'],
    participant_instance: ['registered_at', 'seen_at'],
    finished_count: ['minute'],
  };
  for (const [table, instants] of Object.entries(columns)) {
    const changes = instants.map((column) => `${column} = ${column} - $1::float8 * interval '1 millisecond'`);
    // oxlint-disable-next-line no-await-in-loop -- one connection.
    await side.query(`update atone.${table} set ${changes.join(', ')}`, [ms]);
  }
}

/** Removes what little a test has written: to truncate so many partitions takes ten times as long. */
export async function emptyTables(side: pg.Client): Promise<void> {
  await side.query(`
    delete from atone.global_transaction;
    delete from atone.idempotency_key;
    delete from atone.instance;
    delete from atone.participant_instance;
    delete from atone.finished_count`);
}

/** Ends the connections on which a statement runs, and returns when they are gone. */
export async function cutBusyConnections(side: pg.Client): Promise<void> {
  await side.query(`
    select pg_terminate_backend(pid, 5000)
    from pg_stat_activity
    where datname = current_database()
      and pid <> pg_backend_pid()
      and state = 'active'`);
}
