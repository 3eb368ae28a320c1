import type { Drive } from '@atone/engine';
import type { HotStatement, StatementRunner } from './hot.pool.js';
import { factsOf } from './instance.facts.js';

const DRIVES: HotStatement = {
  name: 'atone-drives',
  text: `
select t.gid, i.instance_id, i.facts
from atone.global_transaction as t
join atone.instance as i on i.instance_id = t.owner
where t.gid = any($1::uuid[])
  and t.gid between $2 and $3
  and t.finished_at is null
  and i.lease_until > now()`,
};

interface RawDrive {
  readonly gid: string;
  readonly instance_id: string;
  readonly facts: unknown;
}

/** Tells who drives those of `gids` that are live and driven. */
export async function drivesOf(pool: StatementRunner, gids: readonly string[]): Promise<Drive[]> {
  const sorted = gids.toSorted();
  const rows = await pool.run<RawDrive>(DRIVES, [sorted, sorted[0], sorted.at(-1)]);
  return rows.map(({ gid, instance_id: instanceId, facts }) => ({ gid, instanceId, facts: factsOf(facts) }));
}
