import type { PlanStep } from './plan.js';

/** Returns, for each step, the names of all steps it depends on, directly or through others. */
export function ancestorsByStep(steps: readonly PlanStep[]): ReadonlyMap<string, ReadonlySet<string>> {
  const direct = new Map(steps.map((step) => [step.branchId, step.after]));
  return new Map(steps.map((step) => [step.branchId, reachable(step.branchId, direct)]));
}

/** Returns the names on one cycle of the graph, or undefined when there is none. */
export function cycleIn(steps: readonly PlanStep[]): string | undefined {
  for (const [branchId, ancestors] of ancestorsByStep(steps)) {
    if (ancestors.has(branchId)) {
      return branchId;
    }
  }
  return undefined;
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
