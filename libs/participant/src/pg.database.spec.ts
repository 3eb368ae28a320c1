import { createTestDatabase } from '@atone/embedded-postgres';
import { Pool } from 'pg';
import { pgDatabase } from './pg.database.js';
import { describeBarrierConformance } from './testing/barrier.conformance.js';

describeBarrierConformance('pg', async () => {
  const testDatabase = await createTestDatabase();
  const pool = new Pool({ connectionString: testDatabase.url, max: 20 });
  return {
    database: pgDatabase(pool),
    async close() {
      await pool.end();
      await testDatabase.drop();
    },
  };
});
