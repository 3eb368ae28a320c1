import fc from 'fast-check';
import type { SimulationPlan } from '../plan/simulation.plan.js';
import { PartsArbitrary } from './parts.arbitrary.js';
import { DIMENSIONS, type Dimension } from './plan.dimensions.js';

export interface Shrinking {
  /** Tells whether a plan still fails, and in the same way. */
  readonly fails: (plan: SimulationPlan) => Promise<boolean>;
  /** Tells whether to stop with what is the smallest by now. */
  readonly isOver: () => boolean;
}

/**
 * Returns what is left of a failing plan when everything is taken away that it fails without.
 *
 * What matters can change with what is left, so it goes over the plan until nothing more can be taken away.
 */
export async function smallestPlan(plan: SimulationPlan, shrinking: Shrinking): Promise<SimulationPlan> {
  let smallest = plan;
  let sizeBefore: number;
  do {
    sizeBefore = sizeOf(smallest);
    for (const dimension of DIMENSIONS) {
      // oxlint-disable-next-line no-await-in-loop -- each starts from what the one before left
      smallest = await shrinkAlong(smallest, dimension, shrinking);
    }
  } while (sizeOf(smallest) < sizeBefore && !shrinking.isOver());
  return smallest;
}

async function shrinkAlong<Part>(
  plan: SimulationPlan,
  dimension: Dimension<Part>,
  { fails, isOver }: Shrinking,
): Promise<SimulationPlan> {
  const all = dimension.partsOf(plan);
  const holds = async (parts: readonly Part[]): Promise<boolean> => {
    if (parts === all) {
      // Known to fail, or we would not be here.
      return false;
    }
    return isOver() || !(await fails(dimension.keep(plan, parts)));
  };
  const { counterexample } = await fc.check(fc.asyncProperty(new PartsArbitrary(all), holds), { numRuns: 1 });
  const [parts = all] = counterexample ?? [];
  return parts === all ? plan : dimension.keep(plan, parts);
}

function sizeOf(plan: SimulationPlan): number {
  return DIMENSIONS.reduce((size, dimension) => size + dimension.partsOf(plan).length, 0);
}
