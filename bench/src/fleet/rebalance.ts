import { setTimeout as pause } from 'node:timers/promises';
import { partitionOf } from '@atone/kafka';
import type { KafkaLibraryName } from '@atone/kafka/connect';
import type pg from 'pg';
import { endChild, type Ground } from '../ground.js';
import { Fleet } from './fleet.js';
import { longestGaps } from './gaps.js';
import { SteadyPace } from './steady.pace.js';

/** What happens to a group: nothing, for comparison; or one of its members comes, says that it goes, or is killed. */
type GroupEvent = 'nothing' | 'joins' | 'leaves' | 'dies';

/** Of which group: that of the coordinators, which reads replies, or that of the service, which reads commands. */
type Group = 'coordinators' | 'participants';

export interface Rebalance {
  readonly library: KafkaLibraryName;
  readonly group: Group;
  readonly event: GroupEvent;
  /** For each partition of the commands: the longest time in which no transaction of it ended, in ms. */
  readonly gaps: readonly number[];
}

interface Observed {
  readonly library: KafkaLibraryName;
  readonly fleet: Fleet;
  readonly group: Group;
}

const PARTITION_COUNT = 12;
const TOPIC_KEY = { topic: '', value: '', headers: {} };

/** How long is looked at what an event does; a death is noticed after six seconds. */
const WATCHED_MS: Readonly<Record<GroupEvent, number>> = {
  nothing: 6_000,
  joins: 6_000,
  leaves: 6_000,
  dies: 14_000,
};

/** What was late has come by then. */
const SETTLE_MS = 3_000;

const ENDED_BETWEEN = `
select gid, extract(epoch from finished_at)::float8 * 1000 as at
from atone.global_transaction
where finished_at between to_timestamp($1::float8 / 1000) and to_timestamp($2::float8 / 1000)`;

const NOW = `select extract(epoch from clock_timestamp())::float8 * 1000 as now`;

/** Has members of both groups come and go, while one coordinator and one participant stay, under a steady rate of transactions. */
export async function watchRebalances(
  ground: Ground,
  library: KafkaLibraryName,
  rate: number,
): Promise<readonly Rebalance[]> {
  const { fleet, first } = await Fleet.start(ground, library);
  const pace = new SteadyPace(first.client, rate);
  await pause(SETTLE_MS);
  const coordinators = await watchGroup({ library, fleet, group: 'coordinators' });
  const participants = await watchGroup({ library, fleet, group: 'participants' });
  await pace.stop();
  await fleet.log.untilEnded();
  await first.client.close();
  return [...coordinators, ...participants];
}

async function watchGroup(observed: Observed): Promise<readonly Rebalance[]> {
  const members: (() => Promise<void>)[] = [];
  const seen: Rebalance[] = [];
  const watch = async (event: GroupEvent, happen: () => Promise<void>): Promise<void> => {
    seen.push(await watchEvent(observed, event, happen));
  };
  await watch('nothing', () => Promise.resolve());
  await watch('joins', async () => void members.push(await addMember(observed, 'SIGTERM')));
  await watch('leaves', async () => members.pop()?.());
  members.push(await addMember(observed, 'SIGKILL'));
  await pause(SETTLE_MS);
  await watch('dies', async () => members.pop()?.());
  return seen;
}

/** Starts a member, and returns what ends it. */
async function addMember(
  { fleet, group }: Observed,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<() => Promise<void>> {
  if (group === 'participants') {
    const participant = await fleet.addParticipant();
    return () => endChild(participant, signal);
  }
  const { client, process } = await fleet.add();
  return async () => {
    await (signal === 'SIGKILL' ? process.kill() : process.stop());
    await client.close();
  };
}

async function watchEvent(
  { library, fleet, group }: Observed,
  event: GroupEvent,
  happen: () => Promise<void>,
): Promise<Rebalance> {
  const from = await logTime(fleet.database);
  await Promise.all([happen(), pause(WATCHED_MS[event])]);
  const until = await logTime(fleet.database);
  await pause(SETTLE_MS);
  const { rows } = await fleet.database.query<{ gid: string; at: number }>(ENDED_BETWEEN, [from, until]);
  const ends = rows.map(({ gid, at }) => ({
    partition: partitionOf({ ...TOPIC_KEY, key: gid }, PARTITION_COUNT),
    at,
  }));
  return { library, group, event, gaps: longestGaps(ends, { from, until, partitionCount: PARTITION_COUNT }) };
}

async function logTime(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ now: number }>(NOW);
  return rows[0]?.now ?? Number.NaN;
}
