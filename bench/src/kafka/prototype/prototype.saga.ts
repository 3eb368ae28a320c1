/** A saga that runs, in the prototype's memory. */
export interface RunningSaga {
  readonly gid: string;
  readonly plan: PrototypePlan;
  readonly acceptedAt: number;
  readonly deadlineAt: number;
  /** Tells who waits for the end. */
  readonly tell: (view: object) => void;
  readonly branches: PrototypeBranch[];
  readonly history: PrototypeEntry[];
  state: 'running' | 'committed';
  endedAt?: number;
  /** How many steps are done. */
  step: number;
  /** As far as the log knows. */
  writtenStep: number;
}

interface PrototypePlan {
  readonly name: string;
  readonly input: unknown;
  readonly steps: readonly PlannedStep[];
}

interface PlannedStep {
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  readonly input: unknown;
  readonly after: readonly string[];
  readonly pivot: boolean;
  readonly onRefusal: 'abort';
  readonly hasBarrier: true;
  readonly canUndo: true;
}

interface PrototypeBranch {
  readonly branchId: string;
  state: 'pending' | 'calling' | 'done';
  readonly round: 1;
  readonly undoRound: 1;
  attempt: number;
  isInFlight: boolean;
  wasSent: boolean;
  startedAt?: number;
  output?: unknown;
  endedAt?: number;
}

interface PrototypeEntry {
  readonly at: number;
  readonly what: 'accepted' | 'done' | 'committed';
  readonly branchId?: string;
  readonly attempt?: number;
}

interface Submission {
  readonly name: string;
  readonly steps: readonly {
    readonly name: string;
    readonly service: string;
    readonly action: string;
    readonly input: unknown;
  }[];
}

const TIMEOUT_MS = 600_000;

/** Returns the saga that a submission begins: one step after the other. */
export function sagaOf(
  { name, steps }: Submission,
  { gid, now, tell }: { readonly gid: string; readonly now: number; readonly tell: RunningSaga['tell'] },
): RunningSaga {
  const planned = steps.map((step, position): PlannedStep => ({
    branchId: step.name,
    service: step.service,
    action: step.action,
    input: step.input,
    after: position === 0 ? [] : [steps[position - 1]?.name ?? ''],
    pivot: false,
    onRefusal: 'abort',
    hasBarrier: true,
    canUndo: true,
  }));
  return {
    gid,
    plan: { name, input: null, steps: planned },
    acceptedAt: now,
    deadlineAt: now + TIMEOUT_MS,
    tell,
    branches: planned.map(({ branchId }) => ({
      branchId,
      state: 'pending',
      round: 1,
      undoRound: 1,
      attempt: 0,
      isInFlight: false,
      wasSent: false,
    })),
    history: [{ at: now, what: 'accepted' }],
    state: 'running',
    step: 0,
    writtenStep: 0,
  };
}

/** Notes that the present step is asked. */
export function begin({ branches, step }: RunningSaga, now: number): void {
  const branch = branches[step];
  if (branch !== undefined) {
    Object.assign(branch, { state: 'calling', attempt: 1, isInFlight: true, wasSent: true, startedAt: now });
  }
}

/** Notes that the present step is done. */
export function finish(saga: RunningSaga, output: unknown, now: number): void {
  const branch = saga.branches[saga.step];
  if (branch !== undefined) {
    Object.assign(branch, { state: 'done', isInFlight: false, output, endedAt: now });
    saga.history.push({ at: now, what: 'done', branchId: branch.branchId, attempt: branch.attempt });
  }
  saga.step += 1;
  if (saga.step === saga.branches.length) {
    saga.state = 'committed';
    saga.endedAt = now;
    saga.history.push({ at: now, what: 'committed' });
  }
}

/** Returns what the log keeps of it beside the plan. */
export function progressOf({ branches, history, endedAt }: RunningSaga): object {
  return { branches, history, historyDroppedCount: 0, endedAt };
}

/** Returns what who began it is told. */
export function viewOf(saga: RunningSaga): object {
  const { gid, plan, state, acceptedAt, deadlineAt, endedAt } = saga;
  return {
    gid,
    kind: 'saga',
    name: plan.name,
    tags: {},
    outcome: 'committed',
    state,
    acceptedAt: iso(acceptedAt),
    deadlineAt: iso(deadlineAt),
    endedAt: iso(endedAt),
    version: 2,
    input: plan.input,
    branches: saga.branches.map((branch, position) => branchView(branch, plan.steps[position])),
    history: saga.history.map((entry) => ({ ...entry, at: iso(entry.at) })),
    historyDroppedCount: 0,
  };
}

function branchView(branch: PrototypeBranch, step: PlannedStep | undefined): object {
  return {
    branchId: branch.branchId,
    service: step?.service,
    action: step?.action,
    kind: 'saga',
    after: step?.after,
    pivot: step?.pivot,
    state: branch.state,
    round: branch.round,
    undoRound: branch.undoRound,
    attempt: branch.attempt,
    startedAt: iso(branch.startedAt),
    endedAt: iso(branch.endedAt),
    output: branch.output,
  };
}

function iso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
