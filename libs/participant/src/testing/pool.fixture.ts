import { Pool } from 'pg';

/**
 * Returns a pool that may be ended right before its database is dropped: `end` resolves while connections are still
 * closing, and those are then told that the database is gone.
 */
export function openPool(url: string, max = 10): Pool {
  const pool = new Pool({ connectionString: url, max });
  pool.on('error', () => undefined);
  return pool;
}
