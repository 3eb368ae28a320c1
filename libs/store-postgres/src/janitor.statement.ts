import type { HotStatement, StatementRunner } from './hot.pool.js';

const DELETE_EXPIRED_KEYS: HotStatement = {
  name: 'atone-delete-expired-keys',
  text: `
with expired as (
  select key
  from atone.idempotency_key
  where expires_at <= now()
  order by expires_at
  limit $1
  for update skip locked
)
delete from atone.idempotency_key as k
using expired
where k.key = expired.key
returning k.key`,
};

/** Removes instances that died an hour ago, but for those that a live row still names. */
const DELETE_DEAD_INSTANCES: HotStatement = {
  name: 'atone-delete-dead-instances',
  text: `
delete from atone.instance as i
where i.lease_until < now() - interval '1 hour'
  and not exists (
    select from atone.global_transaction as t
    where t.finished_at is null
      and t.owner = i.instance_id
  )`,
};

const DELETE_OLD_COUNTS: HotStatement = {
  name: 'atone-delete-old-counts',
  text: `
delete from atone.finished_count
where minute < now() - interval '25 hours'`,
};

/** Removes instances of services that have not been seen for a week, where the service has others. */
const DELETE_GONE_PARTICIPANTS: HotStatement = {
  name: 'atone-delete-gone-participants',
  text: `
delete from atone.participant_instance as p
where p.seen_at < now() - interval '7 days'
  and exists (
    select from atone.participant_instance as newer
    where newer.service = p.service
      and newer.seen_at >= now() - interval '7 days'
  )`,
};

const KEY_BATCH_SIZE = 1_000;

/** Removes up to `limit` idempotency keys whose time is over, and returns how many it removed. */
export async function deleteExpiredKeys(pool: StatementRunner, limit: number): Promise<number> {
  const deleted = await pool.run(DELETE_EXPIRED_KEYS, [limit]);
  return deleted.length;
}

/** Removes what nobody will ask for again, but for the transactions themselves. */
export async function cleanUp(pool: StatementRunner): Promise<void> {
  await pool.run(DELETE_DEAD_INSTANCES, []);
  await pool.run(DELETE_OLD_COUNTS, []);
  await pool.run(DELETE_GONE_PARTICIPANTS, []);
  let deletedCount = KEY_BATCH_SIZE;
  while (deletedCount === KEY_BATCH_SIZE) {
    // oxlint-disable-next-line no-await-in-loop -- in small bites, so that nobody waits long for a lock.
    deletedCount = await deleteExpiredKeys(pool, KEY_BATCH_SIZE);
  }
}
