import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Ground } from '../ground.js';
import { Fleet, type FleetMember, type Way } from './fleet.js';
import { SteadyLoad } from './steady.load.js';

/** What became of the transactions of a coordinator that was killed: when each had ended, in ms after the kill, in order. */
export interface Takeover {
  readonly way: Way;
  readonly endedAfterMs: readonly number[];
}

export interface TakeoverShape {
  readonly killCount: number;
  readonly inFlight: number;
}

/** For so long a coordinator bears its share before it is killed. */
const SHARE_MS = 3_000;

const POLL_MS = 50;

/** By then all of it should have ended long since. */
const GIVE_UP_MS = 60_000;

const NOW = `
select extract(epoch from clock_timestamp())::float8 * 1000 as now`;

const OWNED = `
select gid
from atone.global_transaction
where owner = $1
  and finished_at is null`;

const LIVE = `
select count(*)::float8 as count
from atone.global_transaction
where gid = any ($1::uuid[])
  and finished_at is null`;

const ENDS = `
select extract(epoch from finished_at)::float8 * 1000 as at
from atone.global_transaction
where gid = any ($1::uuid[])
order by finished_at`;

/** Kills one of two coordinators that are under load, as often as is asked. The other goes on under the whole load. */
export async function killCoordinators(
  ground: Ground,
  way: Way,
  { killCount, inFlight }: TakeoverShape,
): Promise<readonly Takeover[]> {
  const { fleet, first } = await Fleet.start(ground, way);
  const load = new SteadyLoad([first.client], inFlight);
  const takeovers: Takeover[] = [];
  for (let kill = 0; kill < killCount; kill += 1) {
    // oxlint-disable no-await-in-loop -- one kill at a time
    const second = await fleet.add();
    load.use([first.client, second.client]);
    await pause(SHARE_MS);
    load.use([first.client]);
    takeovers.push({ way, endedAfterMs: await kill9(fleet.database, second) });
    // oxlint-enable no-await-in-loop
  }
  await load.stop();
  await first.client.close();
  return takeovers;
}

async function kill9(database: pg.Client, { process, instanceId }: FleetMember): Promise<readonly number[]> {
  // Before the kill: what it takes to see that the process is gone is part of what its transactions wait.
  const killed = await database.query<{ now: number }>(NOW);
  const killedAt = killed.rows[0]?.now ?? Number.NaN;
  await process.kill();
  const { rows } = await database.query<{ gid: string }>(OWNED, [instanceId]);
  const gids = rows.map(({ gid }) => gid);
  await untilEnded(database, gids);
  const ends = await database.query<{ at: number }>(ENDS, [gids]);
  return ends.rows.map(({ at }) => at - killedAt);
}

async function untilEnded(database: pg.Client, gids: readonly string[]): Promise<void> {
  for (let waitedMs = 0; waitedMs < GIVE_UP_MS; waitedMs += POLL_MS) {
    // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
    const { rows } = await database.query<{ count: number }>(LIVE, [gids]);
    if (rows[0]?.count === 0) {
      return;
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(POLL_MS);
  }
  throw new Error(`Transactions of a killed coordinator have not ended within ${GIVE_UP_MS / 1_000} s.`);
}
