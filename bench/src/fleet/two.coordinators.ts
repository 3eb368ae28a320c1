import { performance } from 'node:perf_hooks';
import type { Ground } from '../ground.js';
import { load } from '../load.js';
import type { SagaClient } from '../saga.client.js';
import { Fleet, type FleetMember, type Way } from './fleet.js';

/** What so many coordinators came to in one turn. */
export interface CoordinatorsTurn {
  readonly way: Way;
  readonly coordinatorCount: 1 | 2;
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

interface LoadShape {
  readonly inFlight: number;
  readonly seconds: number;
}

const WARM_UP_SECONDS = 4;

/** How many bear each turn: three turns of either, so that one is the middle one, and a drift of the machine concerns both alike. */
const TURNS = [1, 2, 2, 1, 1, 2] as const;

/** Has one coordinator, and two of them, bear the same load in turns. */
export async function compareCoordinators(
  ground: Ground,
  way: Way,
  shape: LoadShape,
): Promise<readonly CoordinatorsTurn[]> {
  const { fleet, first } = await Fleet.start(ground, way);
  const turns: CoordinatorsTurn[] = [];
  let second: FleetMember | undefined;
  await warmUp(first, shape);
  for (const coordinatorCount of TURNS) {
    // oxlint-disable no-await-in-loop -- one turn at a time, or they would measure each other.
    if (coordinatorCount === 1) {
      await second?.client.close();
      await second?.process.stop();
      second = undefined;
    } else if (second === undefined) {
      second = await fleet.add();
      await warmUp(second, shape);
    }
    const members = second === undefined ? [first] : [first, second];
    turns.push({ way, coordinatorCount, ...(await bear(fleet, members, shape)) });
    // oxlint-enable no-await-in-loop
  }
  await second?.client.close();
  await first.client.close();
  return turns;
}

async function warmUp({ client }: FleetMember, { inFlight }: LoadShape): Promise<void> {
  await load(() => client.run(), { inFlight, seconds: WARM_UP_SECONDS });
}

/** Returns what came of a load on these members, until all of it had ended. */
async function bear(
  fleet: Fleet,
  members: readonly FleetMember[],
  shape: LoadShape,
): Promise<Pick<CoordinatorsTurn, 'count' | 'seconds' | 'p50' | 'p99'>> {
  const from = performance.now();
  const { count, p50, p99 } = await load(inTurn(members.map(({ client }) => client)), shape);
  await fleet.log.untilEnded();
  return { count, seconds: (performance.now() - from) / 1_000, p50, p99 };
}

function inTurn(clients: readonly SagaClient[]): () => Promise<void> {
  let turn = 0;
  return async () => {
    turn += 1;
    await clients[turn % clients.length]?.run();
  };
}
