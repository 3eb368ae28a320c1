import { register } from 'node:module';

/** The server of this test run; unset while there is none of ours. */
let server;

/**
 * Jest's global set-up: starts one throw-away PostgreSQL for the whole run, unless
 * ATONE_TEST_DATABASE_URL names a server to use. ATONE_TEST_POSTGRES chooses another major version.
 */
// oxlint-disable-next-line import/no-default-export -- what Jest calls
export default async function startServer() {
  if (process.env.ATONE_TEST_DATABASE_URL) return;
  if (process.env.ATONE_TEST_POSTGRES) {
    const { installPostgres } = await import('./postgres-version.mjs');
    // Also for the servers which specs start on their own.
    process.env.ATONE_POSTGRES_BIN = await installPostgres(process.env.ATONE_TEST_POSTGRES);
  }
  register('./typescript.loader.mjs', import.meta.url);
  const { startThrowawayPostgres } = await import('../libs/embedded-postgres/src/index.ts');
  server = await startThrowawayPostgres({
    // A vacuum that comes by itself would be counted among what a test makes the server do.
    settings: { max_connections: '200', max_prepared_transactions: '50', autovacuum: 'off' },
  });
  process.env.ATONE_TEST_DATABASE_URL = server.url();
}

/** Ends what `startServer` began. */
export async function stopServer() {
  await server?.stop();
  server = undefined;
}
