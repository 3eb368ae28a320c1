import { createTestDatabase } from '@atone/embedded-postgres';
import { DataSource } from 'typeorm';
import { describeBarrierConformance } from '../testing/barrier.conformance.js';
import { typeormDatabase } from './typeorm.database.js';

describeBarrierConformance('TypeORM', async () => {
  const testDatabase = await createTestDatabase();
  const dataSource = new DataSource({ type: 'postgres', url: testDatabase.url, extra: { max: 20 } });
  await dataSource.initialize();
  return {
    database: typeormDatabase(dataSource),
    async close() {
      await dataSource.destroy();
      await testDatabase.drop();
    },
  };
});
