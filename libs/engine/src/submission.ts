import { nearestName, planProblems, type Json, type Plan, type PlanStep } from '@atone/core';
import type { FieldProblem, Submission, SubmittedStep } from '@atone/protocol';
import type { Catalogue } from './catalogue.js';
import { InvalidPlanError } from './errors.js';

/**
 * Returns the plan that a submission means: `after` filled in, and what the catalogue knows of each action.
 *
 * @throws {InvalidPlanError} naming every field that is wrong.
 */
export function planOf(submission: Submission, catalogue: Catalogue): Plan {
  const unknown = submission.steps.flatMap((step, position) => unknownAction(step, position, catalogue));
  if (unknown.length > 0) {
    throw new InvalidPlanError('UNKNOWN_ACTION', unknown);
  }
  const tries = submission.steps.flatMap((step, position) => tryIn(step, position, catalogue));
  if (tries.length > 0) {
    throw new InvalidPlanError('INVALID_PLAN', tries);
  }
  const plan: Plan = {
    name: submission.name,
    input: submission.input ?? null,
    steps: submission.steps.map((step, position) =>
      planStep(step, { catalogue, previous: submission.steps[position - 1]?.name }),
    ),
    ...(submission.retry === undefined ? {} : { retry: defined(submission.retry) }),
  };
  const problems = planProblems(plan);
  if (problems.length > 0) {
    const errors = problems.map(({ path, message }) => ({ field: path, message }));
    throw new InvalidPlanError('INVALID_PLAN', errors);
  }
  return plan;
}

function planStep(
  step: SubmittedStep,
  context: { catalogue: Catalogue; previous: string | undefined },
): PlanStep {
  const offer = context.catalogue.action(step.service, step.action);
  const previous = context.previous === undefined ? [] : [context.previous];
  const { name, service, action, input = null, after = previous, pivot = false, onRefusal = 'abort' } = step;
  const retry = { ...defined(offer?.entry.retry ?? {}), ...defined(step.retry ?? {}) };
  return {
    branchId: name,
    service,
    action,
    input,
    after,
    pivot,
    onRefusal,
    hasBarrier: offer?.kind === 'library',
    canUndo: offer?.entry.hasCompensation === true,
    ...(Object.keys(retry).length === 0 ? {} : { retry }),
  };
}

function unknownAction(step: SubmittedStep, position: number, catalogue: Catalogue): FieldProblem[] {
  const path = `/steps/${position}`;
  if (catalogue.instancesOf(step.service).length === 0) {
    const nearest = nearestName(step.service, catalogue.services());
    const hint =
      nearest === undefined
        ? 'No service has registered here yet; start it and let it reach this coordinator.'
        : `The nearest one that is registered is '${nearest}'.`;
    return [
      { field: `${path}/service`, message: `Service '${step.service}' is not in the catalogue. ${hint}` },
    ];
  }
  if (catalogue.action(step.service, step.action) === undefined) {
    const nearest = nearestName(step.action, catalogue.actionNames(step.service));
    const hint = nearest === undefined ? 'It offers none.' : `The nearest one is '${nearest}'.`;
    return [
      {
        field: `${path}/action`,
        message: `Service '${step.service}' has no action '${step.action}'. ${hint}`,
      },
    ];
  }
  return [];
}

/** No plan confirms anything: what a try holds would stay held. */
function tryIn(step: SubmittedStep, position: number, catalogue: Catalogue): FieldProblem[] {
  if (catalogue.action(step.service, step.action)?.entry.kind !== 'tcc') {
    return [];
  }
  const message = `'${step.service}.${step.action}' is a try, and a plan confirms none. Call it in a led transaction, or use an action with a compensation.`;
  return [{ field: `/steps/${position}/action`, message }];
}

/** Drops members that are there but undefined, which zod leaves behind and stored plans need not hold. */
function defined<Value extends Readonly<Record<string, Json | undefined>>>(
  value: Value,
): { [Key in keyof Value]?: Exclude<Value[Key], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof Value]?: Exclude<Value[Key], undefined> };
}
