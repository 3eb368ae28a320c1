import { createTestDatabase } from '@atone/embedded-postgres';
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
