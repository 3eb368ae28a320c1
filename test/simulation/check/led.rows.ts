import type { Branch, LedFacts, Plan, PlanStep, Saga } from '@atone/core';
import type { StoredRow } from '@atone/engine';

/** Returns why a transaction was aborted, if it was. */
export function abortCodeOf(row: StoredRow): string | undefined {
  const { abort } = row.progress as unknown as Pick<Saga, 'abort'>;
  return abort?.code;
}

/** Returns the plan in a row. */
export function planOf(row: StoredRow): Plan & { readonly led?: LedFacts | undefined } {
  return (row.plan as unknown as { plan: Plan }).plan;
}

/** Returns the branches in a row, as the decision has them. */
export function stepsOf(row: StoredRow): readonly PlanStep[] {
  const { steps } = row.progress as unknown as { steps?: readonly PlanStep[] };
  return steps ?? planOf(row).steps;
}

/** Returns who is on the list, and who is to be undone, in words that can be compared. */
export function listOf(row: StoredRow): string {
  return JSON.stringify(stepsOf(row).map(({ branchId, led }) => [branchId, led?.nonce, led?.goal]));
}

/** Returns what an operator has skipped of a branch. */
export function skipIn(row: StoredRow | undefined, branchId: string): Branch['skip'] {
  const { branches = [] } = (row?.progress ?? {}) as unknown as { branches?: readonly Branch[] };
  return branches.find((branch) => branch.branchId === branchId)?.skip;
}

/** Whether nobody but people may decide what a row leaves undecided: its decision may be among what the log has lost. */
export function isOfFormerLife({ state, stuckReason }: StoredRow): boolean {
  return state === 'active' && stuckReason === 'log-restored';
}
