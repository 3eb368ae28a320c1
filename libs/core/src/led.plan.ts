import { BranchConflictError } from './errors.js';
import type { Decision, LedBranch, LedFacts, LedStep } from './led.branch.js';
import { listPredicate, problemOf, registrationProblem } from './led.list.js';
import { merged } from './led.order.js';
import { planIndex } from './plan.graph.js';
import type { Plan, PlanStep } from './plan.js';
import { newBranch, newSaga, type AbortReason, type Branch, type Saga } from './saga.state.js';

/*
 * A led transaction: the initiator's own code has called the actions, and the machine only ends their branches. Its plan
 * is what the initiator has told: there is nothing in it that could still be called.
 */

export interface LedStart {
  readonly gid: string;
  readonly name: string;
  readonly led: LedFacts;
  readonly acceptedAt: number;
  readonly deadlineAt?: number | undefined;
}

/**
 * Returns a led transaction that its initiator has decided and of which the log knew nothing before.
 *
 * @throws {BranchConflictError} when the decision contradicts itself.
 */
export function decidedLed(start: LedStart, decision: Decision): Saga {
  const isCommit = decision.to === 'commit';
  const abort = isCommit ? undefined : abortOf(decision);
  const saga = bare(start, {
    state: isCommit ? 'committing' : 'aborting',
    history: [
      abort === undefined
        ? { at: start.acceptedAt, what: 'committing' }
        : { at: start.acceptedAt, what: 'aborting', message: `${abort.code}: ${abort.message}` },
    ],
    abort,
  });
  const problem = problemOf(saga, decision);
  if (problem !== undefined) {
    throw new BranchConflictError(problem);
  }
  return withDecision(saga, decision);
}

/** Returns a led transaction of which branches are registered before it is decided. */
export function activeLed(
  start: LedStart & { readonly deadlineAt: number },
  branches: readonly LedBranch[],
): Saga {
  const saga = bare(start, { state: 'active', history: [{ at: start.acceptedAt, what: 'registered' }] });
  const problem = registrationProblem(saga, branches);
  if (problem !== undefined) {
    throw new BranchConflictError(problem);
  }
  return withBranches(saga, branches, 'follow');
}

/** Returns a led transaction of which nothing was known when somebody in doubt asked: it is aborted, and that is all. */
export function presumedAborted(start: LedStart): Saga {
  const message = 'A participant asked after its deadline, and nobody had decided.';
  return bare(start, {
    state: 'aborted',
    endedAt: start.acceptedAt,
    abort: { code: 'presumed', message },
    history: [{ at: start.acceptedAt, what: 'aborted', message: `presumed: ${message}` }],
  });
}

/** Returns why the transaction aborts when it was decided so. */
export function abortOf({ message, by }: Decision): AbortReason {
  return {
    code: by === undefined ? 'initiator' : 'operator',
    message: message ?? 'The initiator aborted.',
  };
}

/** Returns the saga with the branches of a decision, and what a commit makes of each; an abort undoes them all. */
export function withDecision(saga: Saga, decision: Decision): Saga {
  const known = withBranches(withBranches(saga, decision.branches, 'follow'), decision.thrown, 'undo');
  const ordered = inOrder(known, decision);
  const isListed = listPredicate(decision);
  const steps = ordered.plan.steps.map((step) => withGoal(step, isListed(step.branchId) ? 'follow' : 'undo'));
  return { ...ordered, plan: { ...ordered.plan, steps } };
}

/** Returns the saga with branches added that it does not have yet. */
export function withBranches(saga: Saga, branches: readonly LedBranch[], goal: LedStep['goal']): Saga {
  const known = new Set(saga.plan.steps.map(({ branchId }) => branchId));
  const added = branches.filter(({ branchId }) => !known.has(branchId) && known.add(branchId));
  if (added.length === 0) {
    return saga;
  }
  const steps = chained([...saga.plan.steps, ...added.map((branch) => stepFor(branch, goal))]);
  const found = added.map((branch) => branchFor(branch, goal));
  return { ...saga, plan: { ...saga.plan, steps }, branches: [...saga.branches, ...found] };
}

function bare(
  { gid, name, led, acceptedAt, deadlineAt }: LedStart,
  given: Pick<Saga, 'state' | 'history'> & Partial<Saga>,
): Saga {
  const plan: Plan = { name, input: null, steps: [], led };
  // The initiator has called the actions: whatever may have happened is undone.
  return { ...newSaga({ gid, plan, acceptedAt, deadlineAt }), memory: 'broken', ...given };
}

/** Returns the saga in the order in which it is undone backwards: that of the list, and what it leaves out in between. */
function inOrder(saga: Saga, { branches }: Decision): Saga {
  const told = new Map(branches.map((branch) => [branch.branchId, branch]));
  const others = saga.plan.steps.map(({ branchId }) => branchId).filter((branchId) => !told.has(branchId));
  const { positions } = planIndex(saga.plan.steps);
  const order = merged([...told.keys()], others).map((branchId) => positions.get(branchId) ?? -1);
  const steps = order.flatMap((position) => saga.plan.steps[position] ?? []);
  return {
    ...saga,
    plan: { ...saga.plan, steps: chained(steps.map((step) => withInput(step, told.get(step.branchId)))) },
    branches: order
      .flatMap((position) => saga.branches[position] ?? [])
      .map((branch) => withOutput(branch, told.get(branch.branchId))),
  };
}

/** Who registered a branch before it was called knew less of it than who lists it. */
function withInput(step: PlanStep, told: LedBranch | undefined): PlanStep {
  return told?.input === undefined ? step : { ...step, input: told.input };
}

function withOutput(branch: Branch, told: LedBranch | undefined): Branch {
  return told?.output === undefined ? branch : { ...branch, output: told.output };
}

/** Undone in reverse order, one after the other. */
function chained(steps: readonly PlanStep[]): PlanStep[] {
  return steps.map((step, position) => {
    const before = steps[position - 1];
    return { ...step, after: before === undefined ? [] : [before.branchId] };
  });
}

function stepFor(branch: LedBranch, goal: LedStep['goal']): PlanStep {
  const { branchId, service, action, kind, nonce, inputHash, hasBarrier = false, input = null } = branch;
  return {
    branchId,
    service,
    action,
    input,
    after: [],
    pivot: false,
    onRefusal: 'abort',
    // A service without one has registered its branch itself; what threw was asked of the library, and told no nonce.
    hasBarrier: hasBarrier || nonce !== undefined || goal === 'undo',
    canUndo: true,
    led: { kind, nonce, inputHash, goal },
  };
}

function branchFor({ branchId, output }: LedBranch, goal: LedStep['goal']): Branch {
  return { ...newBranch(branchId), state: goal === 'follow' ? 'done' : 'unknown', wasSent: true, output };
}

function withGoal(step: PlanStep, goal: LedStep['goal']): PlanStep {
  return step.led === undefined ? step : { ...step, led: { ...step.led, goal } };
}
