import type { InstanceFacts } from '@atone/engine';
import type { HotStatement, StatementRunner } from './hot.pool.js';
import { msOf } from './row.mapper.js';

const RENEW: HotStatement = {
  name: 'atone-renew-lease',
  text: `
insert into atone.instance as i (instance_id, started_at, lease_until, facts)
values ($1, now(), now() + $2::float8 * interval '1 millisecond', $3::jsonb)
on conflict (instance_id) do update
set lease_until = excluded.lease_until,
    facts = coalesce(excluded.facts, i.facts)
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
  { leaseMs, facts }: { readonly leaseMs: number; readonly facts?: InstanceFacts | undefined },
): Promise<number> {
  const told = facts === undefined ? null : JSON.stringify(facts);
  const [row] = await pool.run<{ now_ms: number }>(RENEW, [instanceId, leaseMs, told]);
  return row?.now_ms ?? Number.NaN;
}

export async function endLease(pool: StatementRunner, instanceId: string): Promise<void> {
  await pool.run(END, [instanceId]);
}
