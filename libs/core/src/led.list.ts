import type { Decision, LedBranch, LedStep } from './led.branch.js';
import { callsAbove } from './led.order.js';
import { planIndex } from './plan.graph.js';
import type { PlanStep } from './plan.js';
import { outcomeOf, positionOf, type Branch, type Saga } from './saga.state.js';

/* What the list of a decision says, and whether it fits what is known. */

/**
 * Returns why a decision cannot be carried out as it is, or undefined if it can. To abort is always possible: whatever
 * is told of a branch, it is undone.
 */
export function problemOf(saga: Saga, decision: Decision): string | undefined {
  if (decision.to === 'abort') {
    return undefined;
  }
  const { branches } = decision;
  return (
    doubleIn(branches) ??
    thrownIn(decision) ??
    firstOf(branches, (branch) => conflictOf(saga, branch)) ??
    missingOf(saga, decision)
  );
}

/** The most branches that are registered of one transaction: each answer and each write is about them all. */
export const REGISTERED_COUNT_MAX = 5_000;

/** Returns why branches cannot be registered, or undefined if they can. */
export function registrationProblem(saga: Saga, branches: readonly LedBranch[]): string | undefined {
  return (
    doubleIn(branches) ?? firstOf(branches, (branch) => conflictOf(saga, branch)) ?? excessOf(saga, branches)
  );
}

function excessOf({ gid, plan: { steps } }: Saga, branches: readonly LedBranch[]): string | undefined {
  const { size } = new Set([...steps, ...branches].map(({ branchId }) => branchId));
  return size > REGISTERED_COUNT_MAX
    ? `Transaction ${gid} would have ${size} registered branches, and ${REGISTERED_COUNT_MAX} is the most.`
    : undefined;
}

/** Returns why what is told of a branch does not fit what is known of it, or undefined if it does. */
export function conflictOf(saga: Saga, branch: LedBranch): string | undefined {
  const step = saga.plan.steps[positionOf(saga, branch.branchId)];
  return step === undefined || signOf(asBranch(step)) === signOf(branch)
    ? undefined
    : `Branch '${branch.branchId}' of ${saga.gid} is ${step.service}.${step.action} already, and not what is told of it now.`;
}

/** Returns which branch a list tells of twice, and not in the same way, or undefined if there is none. */
export function doubleIn(branches: readonly LedBranch[]): string | undefined {
  const signs = new Map<string, string>();
  return firstOf(branches, (branch) => {
    const { branchId } = branch;
    const sign = signs.get(branchId) ?? signOf(branch);
    signs.set(branchId, sign);
    return sign === signOf(branch)
      ? undefined
      : `Branch '${branchId}' is told twice, and not in the same way.`;
  });
}

/** Tells whether a decision that was made is the one that is asked for: the same direction, and to commit the same list. */
export function isSameDecision(saga: Saga, decision: Decision): boolean {
  const isCommitted = saga.state === 'committing' || saga.state === 'committed';
  if (decision.to === 'abort' || !isCommitted) {
    return isCommitted === (decision.to === 'commit');
  }
  const isListed = listPredicate(decision);
  const told = new Map(decision.branches.map((branch) => [branch.branchId, signOf(branch)]));
  const { steps } = saga.plan;
  const { positions } = planIndex(steps);
  return (
    problemOf(saga, decision) === undefined &&
    [...told.keys()].every((branchId) => positions.has(branchId)) &&
    steps.every((step) => (step.led?.goal === 'follow') === isListed(step.branchId))
  );
}

/**
 * Returns what is missing of the branches that a decision counts on as registered, or undefined if all are there. What it
 * lists in full is not counted, so that a repeat after the decision finds the same.
 */
export function missingOf(saga: Saga | undefined, decision: Decision): string | undefined {
  const hasThrown = thrownPredicate(decision);
  const listed = new Set(decision.branches.map(({ branchId }) => branchId));
  const ids = (saga?.plan.steps ?? [])
    .map(({ branchId }) => branchId)
    .filter((branchId) => !listed.has(branchId) && !hasThrown(branchId));
  return firstOf(decision.registered, ({ prefix, count }) => {
    const found = ids.filter((branchId) => branchId.startsWith(prefix)).length;
    return found === count
      ? undefined
      : `The decision counts on ${count} branches registered below '${prefix}', and there are ${found}.`;
  });
}

/** Tells whether a branch of a decided transaction is to be confirmed: it is on the list, and is the very one. */
export function isToConfirm(saga: Saga, branchId: string, nonce: string | undefined): boolean {
  const { led } = saga.plan.steps[positionOf(saga, branchId)] ?? {};
  return led !== undefined && isConfirming(saga, led) && isMeant(led, nonce);
}

/**
 * Returns the branch by which a decision reaches what was called under an id, or undefined if none does. Its end asks
 * for a nonce only to confirm: to undo, whatever stands under the id is meant.
 */
export function branchReaching(saga: Saga, branchId: string, nonce: string): Branch | undefined {
  const position = positionOf(saga, branchId);
  const { led } = saga.plan.steps[position] ?? {};
  const isReached = led !== undefined && (!isConfirming(saga, led) || isMeant(led, nonce));
  return isReached ? saga.branches[position] : undefined;
}

function isConfirming({ state }: Saga, { goal }: LedStep): boolean {
  return outcomeOf(state) === 'committed' && goal === 'follow';
}

/** Who listed the branch may not have told its nonce. */
function isMeant(step: LedStep, nonce: string | undefined): boolean {
  return step.nonce === undefined || step.nonce === nonce;
}

/** Returns what tells whether a decision to commit holds a branch, by its id or by a count. */
export function listPredicate(decision: Decision): (branchId: string) => boolean {
  const listed = new Set(decision.branches.map(({ branchId }) => branchId));
  const hasThrown = thrownPredicate(decision);
  const isCounted = (branchId: string): boolean =>
    decision.registered.some(({ prefix }) => branchId.startsWith(prefix));
  return (branchId) => listed.has(branchId) || (isCounted(branchId) && !hasThrown(branchId));
}

/** What threw is undone with all below it: to the code above it did not happen. */
function thrownPredicate({ thrown }: Decision): (branchId: string) => boolean {
  const ids = new Set(thrown.map(({ branchId }) => branchId));
  return (branchId) => ids.has(branchId) || callsAbove(branchId).some((above) => ids.has(above));
}

function thrownIn(decision: Decision): string | undefined {
  const hasThrown = thrownPredicate(decision);
  return firstOf(decision.branches, ({ branchId }) =>
    hasThrown(branchId)
      ? `Branch '${branchId}' is on the list, although its call or one above it threw.`
      : undefined,
  );
}

function firstOf<Item>(
  items: readonly Item[],
  problem: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** Returns a step as it was told. */
export function asBranch({ branchId, service, action, led }: PlanStep): LedBranch {
  const { kind = 'saga', nonce, inputHash } = led ?? {};
  return { branchId, service, action, kind, nonce, inputHash };
}

function signOf({ branchId, service, action, kind, nonce, inputHash }: LedBranch): string {
  return JSON.stringify([branchId, service, action, kind, nonce, inputHash]);
}
