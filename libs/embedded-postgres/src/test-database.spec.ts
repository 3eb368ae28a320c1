import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { createTestDatabase } from './test-database.js';

test('a test database is empty, in UTC, and of the version that the run asked for', async () => {
  const database = await createTestDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();

  const { rows } = await client.query<{ version: string; zone: string; tables: string }>(`
    select current_setting('server_version') as version,
           current_setting('timezone') as zone,
           (select count(*) from information_schema.tables where table_schema = 'public') as tables`);

  await client.end();
  await database.drop();
  const major = process.env['ATONE_TEST_POSTGRES'] ?? '18';
  expect(rows).toEqual([{ version: expect.stringMatching(`^${major}\\.`), zone: 'UTC', tables: '0' }]);
});

test('a dropped test database is gone, even while somebody is connected to it', async () => {
  const database = await createTestDatabase();
  const client = new Client({ connectionString: database.url });
  client.on('error', () => undefined);
  await client.connect();

  await database.drop();

  const late = new Client({ connectionString: database.url });
  await expect(late.connect()).rejects.toMatchObject({ code: '3D000' });
});

test('without a test server a test fails, and is told how to get one', async () => {
  const url = process.env['ATONE_TEST_DATABASE_URL'];
  delete process.env['ATONE_TEST_DATABASE_URL'];
  try {
    await expect(createTestDatabase()).rejects.toThrow('There is no test server');
  } finally {
    process.env['ATONE_TEST_DATABASE_URL'] = url;
  }
});
