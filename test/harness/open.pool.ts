import { Pool } from 'pg';

/**
 * Opens a pool whose database may go away.
 *
 * `end` settles before the last connection has closed, and a database that is dropped meanwhile throws it out: an error
 * of nobody, which ends the process unless somebody listens.
 */
export function openPool(connectionString: string, max: number): Pool {
  const pool = new Pool({ connectionString, max });
  pool.on('error', () => undefined);
  return pool;
}
