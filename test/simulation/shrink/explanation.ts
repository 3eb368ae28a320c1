import type { SimulationPlan } from '../plan/simulation.plan.js';
import { simulate, type RunFailure } from '../run.js';
import { smallestPlan } from './smallest.plan.js';

/** All there is to say about a plan that was run once more with a trace. */
export interface Explanation {
  readonly trace: readonly string[];
  /** Absent when every promise was kept. */
  readonly failure?: ExplainedFailure | undefined;
}

export interface ExplainedFailure extends RunFailure {
  /** The plan with each fault that struck: what was drawn at a place is written down. */
  readonly recorded: SimulationPlan;
  /** Whether what was recorded fails as the seed did. If not, only the seed shows the failure. */
  readonly isReproduced: boolean;
  /** Absent when nothing was asked for or could be taken away. */
  readonly smallest?: SmallestPlan | undefined;
}

interface SmallestPlan {
  readonly plan: SimulationPlan;
  readonly message: string;
  readonly transaction: string | undefined;
  readonly trace: readonly string[];
  /** How many plans were run to find it. */
  readonly tryCount: number;
  readonly seconds: number;
}

/** Runs a plan with its trace; if it fails, looks for `shrinkMs` for the smallest plan that fails in the same way. */
export async function explain(plan: SimulationPlan, shrinkMs: number): Promise<Explanation> {
  const trace: string[] = [];
  const { failure, struck } = await simulate(plan, trace);
  if (failure === undefined) {
    return { trace };
  }
  const recorded = { ...plan, points: struck };
  const isReproduced = isSameFailure(failure, (await simulate(recorded)).failure);
  const smallest =
    isReproduced && shrinkMs > 0 ? await findSmallest(recorded, { failure, shrinkMs }) : undefined;
  return { trace, failure: { ...failure, recorded, isReproduced, smallest } };
}

async function findSmallest(
  recorded: SimulationPlan,
  { failure, shrinkMs }: { readonly failure: RunFailure; readonly shrinkMs: number },
): Promise<SmallestPlan> {
  const startedAt = performance.now();
  let tryCount = 0;
  const plan = await smallestPlan(recorded, {
    fails: async (smaller) => {
      tryCount += 1;
      return isSameFailure(failure, (await simulate(smaller)).failure);
    },
    isOver: () => performance.now() - startedAt > shrinkMs,
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const trace: string[] = [];
  const last = await simulate(plan, trace);
  const { message, transaction } = last.failure ?? failure;
  return { plan, message, transaction, trace, tryCount, seconds };
}

/** A smaller plan must break the same promise; whose, and by which version of a row, may differ. */
function isSameFailure(failure: RunFailure, other: RunFailure | undefined): boolean {
  if (failure.promise !== other?.promise) {
    return false;
  }
  return failure.promise !== 'error' || headlineOf(failure.message) === headlineOf(other.message);
}

function headlineOf(message: string): string {
  const [headline = ''] = message.split('\n');
  return headline.replaceAll(/[0-9a-f]*\d[0-9a-f-]*/gu, '#');
}
