import { createTestDatabase } from '@atone/embedded-postgres';
import { expect, test } from '@jest/globals';
import { Client, Pool } from 'pg';
import { pgDatabase } from './pg.database.js';
import { describeBarrierConformance } from '../testing/barrier.conformance.js';
import { openPool } from '../testing/pool.fixture.js';

describeBarrierConformance('pg', async () => {
  const testDatabase = await createTestDatabase();
  const pool = openPool(testDatabase.url, 20);
  return {
    database: pgDatabase(pool),
    async close() {
      await pool.end();
      await testDatabase.drop();
    },
  };
});

test('a pool whose idle connection is cut does not end the process, and goes on', async () => {
  const testDatabase = await createTestDatabase();
  const pool = new Pool({ connectionString: testDatabase.url, max: 2 });
  const database = pgDatabase(pool);
  const readPid = () => database.transaction(({ sql }) => sql.execute('select pg_backend_pid() as pid'));
  const before = await readPid();
  const removed = new Promise((resolve) => {
    pool.once('remove', resolve);
  });

  await cut(testDatabase.url, before.rows[0]?.['pid']);
  await removed;

  expect((await readPid()).rows).not.toEqual(before.rows);
  await pool.end();
  await testDatabase.drop();
});

test('a pool that has a listener for errors keeps it, and gets no other', () => {
  const pool = new Pool();
  pool.on('error', ignore);

  pgDatabase(pool);

  expect(pool.listeners('error')).toEqual([ignore]);
});

const ignore = () => undefined;

async function cut(url: string, pid: unknown): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('select pg_terminate_backend($1)', [pid]);
  await client.end();
}
