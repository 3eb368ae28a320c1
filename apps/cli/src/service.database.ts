import type { LocalDatabase } from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import { Pool } from 'pg';
import { CliError } from './cli.error.js';

const CONNECT_MS_MAX = 10_000;

/** Runs `work` over the database at `url`, and lets go of it. */
export async function withDatabase<Result>(
  url: string,
  work: (database: LocalDatabase<unknown>) => Promise<Result>,
): Promise<Result> {
  const pool = new Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    application_name: 'atone',
  });
  try {
    return await work(pgDatabase(pool));
  } finally {
    await pool.end();
  }
}

/**
 * Returns the URL of the service's database: what the option says, else DATABASE_URL.
 *
 * @throws CliError where neither says it, or where it is no URL of PostgreSQL.
 */
export function databaseUrlOf(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const url = option ?? env['DATABASE_URL'];
  if (url === undefined || url === '') {
    throw new CliError(
      'Which database? Say --database-url postgres://user:password@host:5432/name, or set DATABASE_URL: it is the database of a ' +
        'service, not the log of the coordinator.',
    );
  }
  if (!/^postgres(?:ql)?:\/\//u.test(url) || !URL.canParse(url)) {
    throw new CliError(
      'The URL of the database cannot be read: it is postgres://user:password@host:5432/name, with special characters percent-encoded.',
    );
  }
  return url;
}
