import type { Json } from './json.js';
import type { Plan, PlanStep } from './plan.js';
import { positionOf, type AbortReason, type Branch, type Saga } from './saga.state.js';

/*
 * A led transaction: the initiator's own code has called the actions, and the machine only ends their branches. Its plan
 * is what the initiator has told: there is nothing in it that could still be called.
 */

/** How a branch is ended: `saga` by its compensation, or by nothing; `tcc` by its cancel, or by its confirm. */
export type BranchKind = 'saga' | 'tcc';

/** A branch as its initiator, or its participant, tells of it. */
export interface LedBranch {
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  readonly kind: BranchKind;
  /** Drawn by the participant when its barrier first wrote the row. Absent where there is no barrier. */
  readonly nonce?: string | undefined;
  /** The SHA-256 of the action's input in canonical JSON. */
  readonly inputHash?: string | undefined;
  /** What its end is told where no barrier remembers it. */
  readonly input?: Json | undefined;
  readonly output?: Json | undefined;
}

/** How many branches were registered below one run, instead of being listed. */
export interface RegisteredBelow {
  /** What their ids begin with, such as `2~k7.`. */
  readonly prefix: string;
  readonly count: number;
}

/** What a participant's answer tells of the branch that it stored, and of those below it. */
export interface Enlistment {
  readonly kind: BranchKind;
  readonly nonce: string;
  readonly inputHash: string;
  readonly below?: readonly LedBranch[] | undefined;
  readonly registered?: readonly RegisteredBelow[] | undefined;
}

/** What an initiator decides. */
export interface Decision {
  readonly to: 'commit' | 'abort';
  /** The hash of the secret that came with it. */
  readonly secretHash: string;
  /** The branches whose call, and every call above it, returned normally, in the order in which they did. */
  readonly branches: readonly LedBranch[];
  /** Those that stand for themselves on no list, but were registered. */
  readonly registered: readonly RegisteredBelow[];
  /** The branches whose call threw, as far as the initiator knows them: they are undone, whatever is decided. */
  readonly thrown: readonly LedBranch[];
  /** Why it aborts, for people. */
  readonly message?: string | undefined;
}

/** What a plan holds of a led transaction. */
export interface LedFacts {
  /** The SHA-256 of the initiator's secret. */
  readonly secretHash: string;
  /** The life of the log in which it began. */
  readonly epoch: number;
}

/** What a step of a led transaction is about. */
export interface LedStep {
  readonly kind: BranchKind;
  readonly nonce?: string | undefined;
  readonly inputHash?: string | undefined;
  /** Whether it shares the fate of the whole, or is undone in any case. */
  readonly goal: 'follow' | 'undo';
}

interface LedStart {
  readonly gid: string;
  readonly name: string;
  readonly led: LedFacts;
  readonly acceptedAt: number;
  readonly deadlineAt?: number | undefined;
}

/** Returns a led transaction that its initiator has decided and of which the log knew nothing before. */
export function decidedLed(start: LedStart, decision: Decision): Saga {
  const saga = bare(start, {
    state: decision.to === 'commit' ? 'committing' : 'aborting',
    history: [{ at: start.acceptedAt, what: decision.to === 'commit' ? 'committing' : 'aborting' }],
  });
  return withDecision(saga, decision);
}

/** Returns a led transaction of which branches are registered before it is decided. */
export function activeLed(start: LedStart, branches: readonly LedBranch[]): Saga {
  const saga = bare(start, { state: 'active', history: [{ at: start.acceptedAt, what: 'registered' }] });
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

/** Returns the saga with what its initiator has decided; its state is the decision already. */
export function withDecision(saga: Saga, decision: Decision): Saga {
  if (decision.to === 'abort') {
    const all = withBranches(withBranches(saga, decision.branches, 'follow'), decision.thrown, 'undo');
    const abort: AbortReason = {
      code: 'initiator',
      message: decision.message ?? 'The initiator aborted.',
    };
    return { ...all, abort };
  }
  const listed = withBranches(saga, decision.branches, 'follow');
  const isListed = listPredicate(decision);
  const steps = listed.plan.steps.map((step) => withGoal(step, isListed(step.branchId) ? 'follow' : 'undo'));
  return withBranches({ ...listed, plan: { ...listed.plan, steps } }, decision.thrown, 'undo');
}

/** Returns the saga with branches added that it does not have yet. */
export function withBranches(saga: Saga, branches: readonly LedBranch[], goal: LedStep['goal']): Saga {
  const known = new Set(saga.plan.steps.map(({ branchId }) => branchId));
  const added = branches.filter(({ branchId }) => !known.has(branchId) && known.add(branchId));
  if (added.length === 0) {
    return saga;
  }
  const steps = [...saga.plan.steps];
  for (const branch of added) {
    steps.push(stepFor(branch, steps.at(-1)?.branchId, goal));
  }
  const found = added.map((branch) => branchFor(branch, goal));
  return { ...saga, plan: { ...saga.plan, steps }, branches: [...saga.branches, ...found] };
}

/** Returns why what is told of a branch does not fit what is known of it, or undefined if it does. */
export function conflictOf(saga: Saga, branch: LedBranch): string | undefined {
  const step = saga.plan.steps[positionOf(saga, branch.branchId)];
  return step === undefined || signOf(asBranch(step)) === signOf(branch)
    ? undefined
    : `Branch '${branch.branchId}' of ${saga.gid} is ${step.service}.${step.action} already, and not what is told of it now.`;
}

/** Tells whether a decision that was made is the one that is asked for: the same direction, and to commit the same list. */
export function isSameDecision(saga: Saga, decision: Decision): boolean {
  const isCommitted = saga.state === 'committing' || saga.state === 'committed';
  if (decision.to === 'abort' || !isCommitted) {
    return isCommitted === (decision.to === 'commit');
  }
  const isListed = listPredicate(decision);
  const following = saga.plan.steps.filter((step) => step.led?.goal === 'follow');
  const found = following.map((step) => signOf(asBranch(step))).toSorted();
  const registered = saga.plan.steps.filter(
    (step) =>
      isListed(step.branchId) && !decision.branches.some(({ branchId }) => branchId === step.branchId),
  );
  const asked = [...decision.branches, ...registered.map(asBranch)].map(signOf).toSorted();
  return found.length === asked.length && found.every((sign, position) => sign === asked[position]);
}

/** Returns what is missing of the branches that a decision counts on as registered, or undefined if all are there. */
export function missingOf(saga: Saga | undefined, { registered }: Decision): string | undefined {
  const steps = saga?.plan.steps ?? [];
  for (const { prefix, count } of registered) {
    const found = steps.filter(({ branchId }) => branchId.startsWith(prefix)).length;
    if (found !== count) {
      return `The decision counts on ${count} branches registered below '${prefix}', and there are ${found}.`;
    }
  }
  return undefined;
}

/** Tells whether a branch of a decided transaction is to be confirmed: it is on the list, and is the very one. */
export function isToConfirm(saga: Saga, branchId: string, nonce: string | undefined): boolean {
  const step = saga.plan.steps[positionOf(saga, branchId)];
  const isCommitted = saga.state === 'committing' || saga.state === 'committed';
  return isCommitted && step?.led?.goal === 'follow' && step.led.nonce === nonce;
}

function bare(
  { gid, name, led, acceptedAt, deadlineAt }: LedStart,
  given: Pick<Saga, 'state' | 'history'> & Partial<Saga>,
): Saga {
  const plan: Plan = { name, input: null, steps: [], led };
  return {
    gid,
    plan,
    // The initiator has called the actions: whatever may have happened is undone.
    memory: 'broken',
    acceptedAt,
    deadlineAt,
    branches: [],
    historyDroppedCount: 0,
    ...given,
  };
}

function stepFor(branch: LedBranch, previous: string | undefined, goal: LedStep['goal']): PlanStep {
  const { branchId, service, action, kind, nonce, inputHash, input = null } = branch;
  return {
    branchId,
    service,
    action,
    input,
    after: previous === undefined ? [] : [previous],
    pivot: false,
    onRefusal: 'abort',
    hasBarrier: nonce !== undefined,
    canUndo: true,
    led: { kind, nonce, inputHash, goal },
  };
}

function branchFor({ branchId, output }: LedBranch, goal: LedStep['goal']): Branch {
  return {
    branchId,
    state: goal === 'follow' ? 'done' : 'unknown',
    round: 1,
    undoRound: 1,
    attempt: 0,
    isInFlight: false,
    wasSent: true,
    ...(output === undefined ? {} : { output }),
  };
}

function withGoal(step: PlanStep, goal: LedStep['goal']): PlanStep {
  return step.led === undefined || step.led.goal === goal ? step : { ...step, led: { ...step.led, goal } };
}

function listPredicate({ branches, registered }: Decision): (branchId: string) => boolean {
  const listed = new Set(branches.map(({ branchId }) => branchId));
  return (branchId) => listed.has(branchId) || registered.some(({ prefix }) => branchId.startsWith(prefix));
}

function asBranch({ branchId, service, action, led }: PlanStep): LedBranch {
  const { kind = 'saga', nonce, inputHash } = led ?? {};
  return { branchId, service, action, kind, nonce, inputHash };
}

function signOf({ branchId, service, action, kind, nonce = '', inputHash = '' }: LedBranch): string {
  return [branchId, service, action, kind, nonce, inputHash].join(' ');
}
