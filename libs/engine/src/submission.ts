import { nearestName, planProblems, similarName, type Json, type Plan, type PlanStep } from '@atone/core';
import type { ActionEntry, FieldProblem, Submission, SubmittedStep } from '@atone/protocol';
import type { Catalogue } from './catalogue.js';
import { InvalidPlanError } from './errors.js';

/**
 * Returns the plan that a submission means: `after` filled in, and what the catalogue knows of each action.
 *
 * @throws {InvalidPlanError} naming every field that is wrong.
 */
export function planOf(submission: Submission, catalogue: Catalogue): Plan {
  const unknown = problemsIn(submission.steps, (step, path) => unknownAction(step, path, catalogue));
  if (unknown.length > 0) {
    throw new InvalidPlanError('UNKNOWN_ACTION', unknown);
  }
  const tries = problemsIn(submission.steps, (step, path) => tryIn(step, path, catalogue));
  if (tries.length > 0) {
    throw new InvalidPlanError('INVALID_PLAN', tries);
  }
  const plan: Plan = {
    name: submission.name,
    input: submission.input ?? null,
    steps: submission.steps.map((step, position) =>
      planStep(step, { catalogue, previous: submission.steps[position - 1]?.name }),
    ),
    retry: submission.retry === undefined ? undefined : defined(submission.retry),
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
    retry: retryOf(step, offer?.entry.retry),
  };
}

/** What a step says itself comes before what the catalogue says of its action. */
function retryOf(step: SubmittedStep, offered: ActionEntry['retry']): PlanStep['retry'] {
  if (step.retry === undefined && offered === undefined) {
    return undefined;
  }
  const retry = { ...defined(offered ?? {}), ...defined(step.retry ?? {}) };
  return Object.keys(retry).length === 0 ? undefined : retry;
}

type StepCheck = (step: SubmittedStep, path: string) => FieldProblem | undefined;

function problemsIn(steps: readonly SubmittedStep[], check: StepCheck): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const [position, step] of steps.entries()) {
    const problem = check(step, `/steps/${position}`);
    if (problem !== undefined) {
      problems.push(problem);
    }
  }
  return problems;
}

function unknownAction(step: SubmittedStep, path: string, catalogue: Catalogue): FieldProblem | undefined {
  if (catalogue.action(step.service, step.action) !== undefined) {
    return undefined;
  }
  if (catalogue.instancesOf(step.service).length === 0) {
    const message = `Service '${step.service}' is not in the catalogue. ${serviceHint(step, catalogue)}`;
    return { field: `${path}/service`, message };
  }
  const nearest = nearestName(step.action, catalogue.actionNames(step.service));
  const hint = nearest === undefined ? 'It offers none.' : `The nearest one is '${nearest}'.`;
  return {
    field: `${path}/action`,
    message: `Service '${step.service}' has no action '${step.action}'. ${hint}`,
  };
}

/** A service that nobody would mistake for this one is not named: it is rather this one that has not started yet. */
function serviceHint({ service }: SubmittedStep, catalogue: Catalogue): string {
  const services = catalogue.services();
  const similar = similarName(service, services);
  if (similar !== undefined) {
    return `The nearest one that is registered is '${similar}'.`;
  }
  const others = services.length === 0 ? 'No service has registered here yet; start' : 'Start';
  return `${others} it and let it reach this coordinator.`;
}

/** No plan confirms anything: what a try holds would stay held. */
function tryIn(step: SubmittedStep, path: string, catalogue: Catalogue): FieldProblem | undefined {
  if (catalogue.action(step.service, step.action)?.entry.kind !== 'tcc') {
    return undefined;
  }
  const message = `'${step.service}.${step.action}' is a try, and a plan confirms none. Call it in a led transaction, or use an action with a compensation.`;
  return { field: `${path}/action`, message };
}

/** Drops members that are there but undefined, which zod leaves behind and stored plans need not hold. */
function defined<Value extends Readonly<Record<string, Json | undefined>>>(
  value: Value,
): { [Key in keyof Value]?: Exclude<Value[Key], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof Value]?: Exclude<Value[Key], undefined> };
}
