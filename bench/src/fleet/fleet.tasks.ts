import { Ground, type GroundOptions } from '../ground.js';
import { COMPARED_IN_FLIGHTS, comparisonsOf, comparisonVerdicts } from '../kafka/comparison.check.js';
import { comparisonTable, shareTable } from '../kafka/comparison.table.js';
import { comparePrototype } from '../kafka/comparison.js';
import type { Verdict } from '../promise.check.js';
import { onPlace } from '../place.js';
import { coordinatorsVerdicts, takeoverVerdicts } from './fleet.check.js';
import { coordinatorsTable, rebalanceTable, takeoverTable } from './fleet.table.js';
import type { Way } from './fleet.js';
import { watchRebalances } from './rebalance.js';
import { killCoordinators } from './takeover.js';
import { compareCoordinators } from './two.coordinators.js';

/** What is measured with brokers beside PostgreSQL. */
export const FLEET_TASKS = ['kafka', 'coordinators', 'takeover', 'rebalance'] as const;
export type FleetTask = (typeof FLEET_TASKS)[number];

export const WAYS = ['http', 'kafkajs', 'platformatic'] as const satisfies readonly Way[];

export interface FleetOptions extends Pick<GroundOptions, 'nodeArgs'> {
  readonly ways: readonly Way[];
  /** Default: what suits the task. */
  readonly inFlights?: readonly number[] | undefined;
  readonly seconds?: number | undefined;
  readonly kills: number;
  /** Sagas a second while members of groups come and go. */
  readonly rate: number;
  /** Whether only what is promised is looked at. */
  readonly isCheck: boolean;
}

/** What is to be told of a task. */
export interface FleetReport {
  readonly tables: readonly string[];
  readonly verdicts: readonly Verdict[];
}

/** So that both libraries are through within five minutes. */
export const COMPARED_SECONDS = 6;

/** In a few seconds whatever else the machine does weighs more than a second coordinator. */
export const FLEET_SECONDS = 12;
const FLEET_IN_FLIGHT = 256;

/** Measures a task over each way that it is about, each on a ground of its own. */
export async function runFleetTask(task: FleetTask, options: FleetOptions): Promise<FleetReport> {
  const { isCheck, kills: killCount, rate, ways } = options;
  const seconds = options.seconds ?? (task === 'kafka' ? COMPARED_SECONDS : FLEET_SECONDS);
  const inFlight = options.inFlights?.[0] ?? FLEET_IN_FLIGHT;
  const libraries = ways.filter((way) => way !== 'http');
  switch (task) {
    case 'kafka': {
      const inFlights = isCheck ? COMPARED_IN_FLIGHTS : (options.inFlights ?? COMPARED_IN_FLIGHTS);
      const stretches = await overEach(libraries, options, (ground, library) =>
        comparePrototype(ground, { library, inFlights, seconds }),
      );
      return {
        tables: [comparisonTable(stretches), shareTable(stretches)],
        verdicts: comparisonVerdicts(comparisonsOf(stretches)),
      };
    }
    case 'coordinators': {
      const turns = await overEach(ways, options, (ground, way) =>
        compareCoordinators(ground, way, { inFlight, seconds }),
      );
      return { tables: [coordinatorsTable(turns)], verdicts: coordinatorsVerdicts(turns) };
    }
    case 'takeover': {
      const takeovers = await overEach(ways, options, (ground, way) =>
        killCoordinators(ground, way, { killCount, inFlight }),
      );
      return { tables: [takeoverTable(takeovers)], verdicts: takeoverVerdicts(takeovers) };
    }
    case 'rebalance': {
      const rebalances = await overEach(libraries, options, (ground, library) =>
        watchRebalances(ground, library, rate),
      );
      return { tables: [rebalanceTable(rebalances)], verdicts: [] };
    }
  }
}

async function overEach<Over extends Way, Result>(
  ways: readonly Over[],
  { nodeArgs }: Pick<FleetOptions, 'nodeArgs'>,
  measure: (ground: Ground, way: Over) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const way of ways) {
    const withKafka = way !== 'http';
    // oxlint-disable-next-line no-await-in-loop -- one at a time, or they would measure each other.
    await onPlace(Ground.start({ nodeArgs, withKafka }), async (ground) => {
      results.push(...(await measure(ground, way)));
    });
  }
  return results;
}
