import { performance } from 'node:perf_hooks';
import type { Ground } from '../ground.js';
import { load } from '../load.js';
import type { SagaClient } from '../saga.client.js';
import { Fleet, type Way } from './fleet.js';

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

/** Has one coordinator, and two of them, bear the same load: one, two, two, one, so that a drift of the machine concerns both alike. */
export async function compareCoordinators(
  ground: Ground,
  way: Way,
  shape: LoadShape,
): Promise<readonly CoordinatorsTurn[]> {
  const { fleet, first } = await Fleet.start(ground, way);
  const bear = async (clients: readonly SagaClient[]): Promise<CoordinatorsTurn> => {
    const from = performance.now();
    const { count, p50, p99 } = await load(inTurn(clients), shape);
    await fleet.log.untilEnded();
    const seconds = (performance.now() - from) / 1_000;
    return { way, coordinatorCount: clients.length === 1 ? 1 : 2, count, seconds, p50, p99 };
  };
  await load(inTurn([first.client]), { ...shape, seconds: WARM_UP_SECONDS });
  const alone = await bear([first.client]);
  const second = await fleet.add();
  await load(inTurn([second.client]), { ...shape, seconds: WARM_UP_SECONDS });
  const both = [await bear([first.client, second.client]), await bear([first.client, second.client])];
  await second.client.close();
  await second.process.stop();
  const again = await bear([first.client]);
  await first.client.close();
  return [alone, ...both, again];
}

function inTurn(clients: readonly SagaClient[]): () => Promise<void> {
  let turn = 0;
  return async () => {
    turn += 1;
    await clients[turn % clients.length]?.run();
  };
}
