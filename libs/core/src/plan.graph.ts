import type { PlanStep } from './plan.js';
import { ShapeCache } from './plan.shape.js';

/** What the machine looks up in a plan again and again. */
export interface PlanIndex {
  /** Where each step stands in the plan. */
  readonly positions: ReadonlyMap<string, number>;
  /** The position of the pivot, or undefined in a plan without one. */
  readonly pivot: number | undefined;
  /** For each position, the positions of the steps that name it in their `after`. */
  readonly dependents: readonly (readonly number[])[];
  /** All positions, each before those that depend on it. Steps on a cycle, and what follows from them, are missing. */
  readonly order: readonly number[];
  /** Whether any branch of a led transaction is undone although the rest commits. */
  readonly hasThrown: boolean;
}

const indices = new WeakMap<readonly PlanStep[], PlanIndex>();

/** One event asks for the same plan a dozen times. */
let latest: { readonly steps: readonly PlanStep[]; readonly index: PlanIndex } | undefined;

/**
 * Returns the index of `steps`. It is worked out once: without that, each event of a long plan costs its square. Short plans
 * that differ in nothing but their inputs share one.
 */
export function planIndex(steps: readonly PlanStep[]): PlanIndex {
  if (latest?.steps === steps) {
    return latest.index;
  }
  const index = indices.get(steps) ?? shapes.of(steps, indexOf);
  indices.set(steps, index);
  latest = { steps, index };
  return index;
}

const shapes = new ShapeCache<PlanIndex>();

function indexOf(steps: readonly PlanStep[]): PlanIndex {
  const positions = new Map(steps.map((step, position) => [step.branchId, position]));
  const dependents = dependentsOf(steps, positions);
  const pivot = steps.findIndex((step) => step.pivot);
  return {
    positions,
    dependents,
    pivot: pivot === -1 ? undefined : pivot,
    order: orderOf(steps, dependents),
    hasThrown: steps.some(({ led }) => led?.goal === 'undo'),
  };
}

/** Returns, for each step, the names of all steps it depends on, directly or through others. */
export function ancestorsByStep(steps: readonly PlanStep[]): ReadonlyMap<string, ReadonlySet<string>> {
  const direct = new Map(steps.map((step) => [step.branchId, step.after]));
  return new Map(steps.map((step) => [step.branchId, reachable(step.branchId, direct)]));
}

/** Returns the name of one step that comes after itself, or undefined when none does. */
export function cycleIn(steps: readonly PlanStep[]): string | undefined {
  const { order, positions } = planIndex(steps);
  const ordered = new Set(order);
  const leftOver = steps.filter((_, position) => !ordered.has(position));
  // Each step that is left over comes after another one that is: going back from any leads into a cycle.
  const seen = new Set<string>();
  let step = leftOver[0];
  while (step !== undefined && !seen.has(step.branchId)) {
    seen.add(step.branchId);
    const before = step.after.find((name) => !ordered.has(positions.get(name) ?? -1));
    step = leftOver.find((candidate) => candidate.branchId === before);
  }
  return step?.branchId;
}

function dependentsOf(steps: readonly PlanStep[], positions: ReadonlyMap<string, number>): number[][] {
  const dependents = steps.map((): number[] => []);
  for (const [position, step] of steps.entries()) {
    for (const name of new Set(step.after)) {
      dependents[positions.get(name) ?? -1]?.push(position);
    }
  }
  return dependents;
}

/** A topological order (Kahn, 1962). */
function orderOf(steps: readonly PlanStep[], dependents: readonly (readonly number[])[]): number[] {
  const waitingFor = steps.map((step) => new Set(step.after).size);
  const order = steps.flatMap((step, position) => (step.after.length === 0 ? [position] : []));
  // What is pushed on the way has its turn, too.
  for (const position of order) {
    for (const dependent of dependents[position] ?? []) {
      const count = (waitingFor[dependent] ?? 0) - 1;
      waitingFor[dependent] = count;
      if (count === 0) {
        order.push(dependent);
      }
    }
  }
  return order;
}

function reachable(from: string, direct: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...(direct.get(from) ?? [])];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (!found.has(name)) {
      found.add(name);
      open.push(...(direct.get(name) ?? []));
    }
  }
  return found;
}
