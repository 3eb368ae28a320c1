import { ancestorsByStep, cycleIn } from './plan.graph.js';
import { isPlanInput, referencesIn } from './plan.input.js';
import { ShapeCache } from './plan.shape.js';
import type { Plan, PlanStep } from './plan.js';

/** One reason why a plan cannot be accepted. `path` is a JSON pointer into the plan. */
export interface PlanProblem {
  readonly path: string;
  readonly message: string;
}

/** Step names travel in headers, paths of the API and log lines. `~` and `.` are kept for branches of led transactions. */
export const STEP_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/u;

/** Returns everything that is wrong with `plan`; an empty list means that the machine can run it. */
export function planProblems({ steps }: Plan): readonly PlanProblem[] {
  const { order, pivot } = judgements.of(steps, judge);
  return order.length > 0 ? order : [...referenceProblems(steps), ...pivot];
}

/** What is wrong with a plan whatever its inputs are. */
interface Judgement {
  readonly order: readonly PlanProblem[];
  readonly pivot: readonly PlanProblem[];
}

const judgements = new ShapeCache<Judgement>();

function judge(steps: readonly PlanStep[]): Judgement {
  const order = [...nameProblems(steps), ...orderProblems(steps)];
  // References and the pivot are judged over ancestors, which mean nothing in a graph with unknown names or cycles.
  return { order, pivot: order.length > 0 ? [] : pivotProblems(steps) };
}

function nameProblems(steps: readonly PlanStep[]): PlanProblem[] {
  const seen = new Set<string>();
  return steps.flatMap((step, position) => {
    const path = `/steps/${position}/name`;
    if (!STEP_NAME.test(step.branchId)) {
      return [{ path, message: `Step name '${step.branchId}' must match ${STEP_NAME.source}.` }];
    }
    if (seen.has(step.branchId)) {
      return [{ path, message: `Two steps are called '${step.branchId}'.` }];
    }
    seen.add(step.branchId);
    return [];
  });
}

function orderProblems(steps: readonly PlanStep[]): PlanProblem[] {
  if (steps.length === 0) {
    return [{ path: '/steps', message: 'A plan needs at least one step.' }];
  }
  const names = new Set(steps.map((step) => step.branchId));
  const unknown = steps.flatMap((step, position) =>
    step.after
      .filter((name) => !names.has(name))
      .map((name) => ({
        path: `/steps/${position}/after`,
        message: `There is no step '${name}' to come after.`,
      })),
  );
  const cycle = unknown.length > 0 ? undefined : cycleIn(steps);
  return cycle === undefined
    ? unknown
    : [
        {
          path: '/steps',
          message: `Step '${cycle}' comes after itself, through the 'after' of other steps.`,
        },
      ];
}

type Ancestors = ReturnType<typeof ancestorsByStep>;

function referenceProblems(steps: readonly PlanStep[]): PlanProblem[] {
  // Most plans refer to nothing, and most are not a graph worth walking.
  let ancestors: Ancestors | undefined;
  return steps.flatMap((step, position) => {
    const { references, malformed } = referencesIn(step.input);
    const strangers = references.filter(({ from }) => {
      if (isPlanInput(from)) {
        return false;
      }
      ancestors ??= ancestorsByStep(steps);
      return ancestors.get(step.branchId)?.has(from) !== true;
    });
    if (malformed.length + strangers.length === 0) {
      return [];
    }
    const path = `/steps/${position}/input`;
    return [
      ...malformed.map((text) => ({
        path,
        message: `${text} is no reference: it takes "$from" (a step or "$input") and "pointer" (a JSON pointer), nothing else.`,
      })),
      ...strangers.map(({ from }) => ({
        path,
        message: `Step '${step.branchId}' refers to the output of '${from}', which does not come before it.`,
      })),
    ];
  });
}

function pivotProblems(steps: readonly PlanStep[]): PlanProblem[] {
  const pivots = steps.filter((step) => step.pivot);
  if (pivots.length > 1) {
    return [{ path: '/steps', message: `A plan has at most one pivot, and this one has ${pivots.length}.` }];
  }
  const [pivot] = pivots;
  const ancestors: Ancestors = pivot === undefined ? new Map() : ancestorsByStep(steps);
  const beforePivot = pivot === undefined ? undefined : ancestors.get(pivot.branchId);
  return steps.flatMap((step, position) => {
    const isAfter = pivot !== undefined && ancestors.get(step.branchId)?.has(pivot.branchId) === true;
    return stepProblems(step, {
      path: `/steps/${position}`,
      needsRetry: beforePivot !== undefined && !step.pivot && !beforePivot.has(step.branchId),
      mayBeUndone: !step.pivot && !isAfter,
    });
  });
}

function stepProblems(
  step: PlanStep,
  place: { path: string; needsRetry: boolean; mayBeUndone: boolean },
): PlanProblem[] {
  const problems: PlanProblem[] = [];
  if (place.needsRetry && step.onRefusal !== 'retry') {
    const message = `Step '${step.branchId}' runs beside or after the pivot, so it can no longer abort: it needs "onRefusal": "retry".`;
    problems.push({ path: `${place.path}/onRefusal`, message });
  }
  if (step.pivot && step.onRefusal === 'retry') {
    const message = `Step '${step.branchId}' is the pivot: its refusal aborts, so "onRefusal": "retry" contradicts it.`;
    problems.push({ path: `${place.path}/onRefusal`, message });
  }
  if (place.mayBeUndone && !step.canUndo) {
    const message = `Action ${step.service}/${step.action} has no compensation, so step '${step.branchId}' must be the pivot or come after it.`;
    problems.push({ path: place.path, message });
  }
  return problems;
}
