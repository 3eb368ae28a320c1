import { createHash, randomBytes } from 'node:crypto';
import { mintGid } from '@atone/core';
import { NOTICE_COUNT_MAX, type LogInfo, type Notice } from '@atone/protocol';
import type { AtoneClient } from '@atone/participant';
import type pg from 'pg';

/** How many branches of each transaction are in doubt. */
export const BRANCHES_EACH = 2;

const INITIATOR = 'bench-initiator';

const SECRET_HASH = createHash('sha256').update('of the bench').digest('hex');

/** As a try leaves it, past its deadline. */
const INSERT_IN_DOUBT = `
insert into atone.barrier (
  gid, branch_id, service, action, round, input_hash, input, output, state,
  kind, nonce, secret_hash, epoch, initiator, doubt_at, next_ask_at, ask_count
)
select
  gid, branch_id, 'bench', 'hold', 1, sha256('{"amount":1}'), '{"amount":1}', 'null', 'done',
  'tcc', 'bench' || branch_id || substr(gid::text, 25), decode($2, 'hex'), $3::int, $4, now(), now(), 0
from unnest($1::uuid[]) as g (gid)
cross join unnest(array['1', '2']) as b (branch_id)`;

/** Puts `count` transactions in doubt that the coordinator has never heard of, and returns their gids. */
export async function putInDoubt(
  database: pg.Client,
  { log, count }: { readonly log: LogInfo; readonly count: number },
): Promise<readonly string[]> {
  const now = Date.parse(log.now);
  const random = { next: Math.random, bytes: (size: number) => randomBytes(size) };
  const gids = Array.from({ length: count }, () => mintGid(now, log.logNumber, random));
  await database.query(INSERT_IN_DOUBT, [gids, SECRET_HASH, log.epoch, INITIATOR]);
  // As the server does by itself where rows have come one by one.
  await database.query('vacuum (analyze) atone.barrier');
  return gids;
}

/** Tells the coordinator that transactions are led whose deadline is yet to come. */
export async function tellOf(
  client: Pick<AtoneClient, 'notices'>,
  { log, gids }: { readonly log: LogInfo; readonly gids: readonly string[] },
): Promise<void> {
  const start = { name: 'bench', initiator: INITIATOR, epoch: log.epoch, timeoutMs: 3_600_000 };
  const notices = gids.map((gid): Notice => ({ gid, ...start, secretHash: SECRET_HASH }));
  for (let first = 0; first < notices.length; first += NOTICE_COUNT_MAX) {
    // oxlint-disable-next-line no-await-in-loop -- as an initiator does
    await client.notices(notices.slice(first, first + NOTICE_COUNT_MAX));
  }
}
