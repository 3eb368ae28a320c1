import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** A database for one spec file. */
export interface TestDatabase {
  /** The superuser's URL of it. */
  readonly url: string;
  /** Removes it, and throws out whoever is still connected. */
  drop(): Promise<void>;
}

/**
 * Makes an empty database on the server of this test run, which ATONE_TEST_DATABASE_URL names.
 *
 * @throws Error if there is no such server: a test that needs a database must fail without one.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env['ATONE_TEST_DATABASE_URL'];
  if (!server) {
    throw new Error(
      'There is no test server. Set ATONE_TEST_DATABASE_URL to the URL of a superuser, or have a globalSetup of Jest start one by ' +
        '`startThrowawayPostgres` and set it; in the repository of Atone `npm test` and `npm run jest` do.',
    );
  }
  const name = `test_${randomBytes(8).toString('hex')}`;
  await execute(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `drop database if exists ${name} with (force)`) };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
