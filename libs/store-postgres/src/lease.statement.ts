import type { HotStatement, StatementRunner } from './hot.pool.js';
import { msOf } from './row.mapper.js';

const RENEW: HotStatement = {
  name: 'atone-renew-lease',
  text: `
insert into atone.instance as i (instance_id, started_at, lease_until)
values ($1, now(), now() + $2::float8 * interval '1 millisecond')
on conflict (instance_id) do update
set lease_until = excluded.lease_until
returning ${msOf('clock_timestamp()::timestamptz(3)')} as now_ms`,
};

/** A millisecond ago, so that the lease is over for whoever looks in this same one. */
const END: HotStatement = {
  name: 'atone-end-lease',
  text: `
update atone.instance
set lease_until = least(lease_until, now() - interval '1 millisecond')
where instance_id = $1`,
};

export async function renewLease(
  pool: StatementRunner,
  instanceId: string,
  leaseMs: number,
): Promise<number> {
  const [row] = await pool.run<{ now_ms: number }>(RENEW, [instanceId, leaseMs]);
  return row?.now_ms ?? Number.NaN;
}

export async function endLease(pool: StatementRunner, instanceId: string): Promise<void> {
  await pool.run(END, [instanceId]);
}
