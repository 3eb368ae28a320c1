import { PLAIN_OPTIONS, type SimulationOptions } from '../plan/options.js';
import type { LedSpec, LedWork } from '../plan/led.draw.js';
import type { SimulationPlan } from '../plan/simulation.plan.js';
import type { TransactionSpec } from '../plan/transaction.draw.js';
import type { ExplainedFailure, Explanation } from '../shrink/explanation.js';
import { historyOf } from './history.js';

/** Returns all that somebody needs who is to find out why a run failed. */
export function failureReport(
  plan: SimulationPlan,
  explanation: Explanation & { readonly failure: ExplainedFailure },
  run: { readonly commit: string; readonly bug: string | undefined },
): string[] {
  const { failure } = explanation;
  const { smallest } = failure;
  return [
    `Seed ${plan.seed}: ${failure.message}`,
    `  commit   ${run.commit}${run.bug === undefined ? '' : `, with the planted bug ${run.bug}`}`,
    `  options  ${optionsInWords(plan.options)}`,
    '',
    ...(failure.isReproduced
      ? []
      : ['  The faults alone, without the draws of the seed, do not show it again. Only the seed does.', '']),
    ...(smallest === undefined
      ? titled('In the run of the seed', failure.transaction, explanation.trace)
      : [
          `The smallest plan that still fails, after ${smallest.tryCount} tries in ${smallest.seconds.toFixed(1)} s:`,
          `  ${smallest.message}`,
          ...planInWords(smallest.plan, failure.recorded),
          '',
          ...titled('With the smallest plan', smallest.transaction, smallest.trace),
        ]),
  ];
}

/** Tells a plan in few words, and how much larger it was before. */
function planInWords(plan: SimulationPlan, before: SimulationPlan): string[] {
  const { transactions, led = [], timed, points = [] } = plan;
  return [
    `  options       ${unusualOptions(plan.options)}`,
    `  transactions  ${transactions.length} of ${before.transactions.length}`,
    ...transactions.map((spec) => `    ${transactionInWords(spec)}`),
    ...(before.led?.length ? [`  led           ${led.length} of ${before.led.length}`] : []),
    ...led.map((spec) => `    ${ledInWords(spec)}`),
    `  faults        ${timed.length} of ${before.timed.length} at a time, ${points.length} of ${before.points?.length ?? 0} at a place`,
    ...timed.map(({ kind, atMs, forMs }) => `    ${kind} at ${atMs} ms, ${Math.round(forMs)} ms long`),
    ...points.map(
      ({ kind, point, occurrence, amount }) =>
        `    ${kind} at ${point}, time ${occurrence + 1}, ${amount.toFixed(2)} hard`,
    ),
  ];
}

function optionsInWords(options: SimulationOptions): string {
  const { kinds, ...rest } = options;
  const values = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  return `${values.join(', ')}\n  kinds    ${kinds.join(', ')}`;
}

function unusualOptions(options: SimulationOptions): string {
  const names = Object.keys(PLAIN_OPTIONS) as (keyof typeof PLAIN_OPTIONS)[];
  const unusual = names.filter((name) => options[name] !== PLAIN_OPTIONS[name]);
  return unusual.map((name) => `${name} ${options[name]}`).join(', ') || 'all plain';
}

function transactionInWords({ name, atMs, submission }: TransactionSpec): string {
  const steps = submission.steps.map((step) => {
    const after = step.after?.length ? ` after ${step.after.join(' and ')}` : '';
    const marks = [step.pivot === true ? 'pivot' : '', step.onRefusal === 'retry' ? 'retried' : ''];
    const mark = marks.filter(Boolean).join(', ');
    return `${step.name} ${step.service}.${step.action}${mark === '' ? '' : ` (${mark})`}${after}`;
  });
  return `${name} at ${atMs} ms: ${steps.join('; ')}`;
}

function ledInWords({ name, atMs, timeoutMs, work, ends }: LedSpec): string {
  const end = ends === 'returns' ? '' : `; ${ends.replaceAll('-', ' ')}`;
  return `${name} at ${atMs} ms, ${timeoutMs} ms long: ${workInWords(work)}${end}`;
}

/** One step after the other; what is called at once stands together, and what a call calls itself behind it. */
function workInWords(work: LedWork): string {
  const steps = work.map(({ calls, isCaught, scope }) => {
    const names = calls.map(({ name, service, action, below }) => {
      const inner = below.length === 0 ? '' : ` (${workInWords(below)})`;
      return `${name} ${service}.${action}${inner}`;
    });
    return [names.join(' + '), ...(isCaught ? ['caught'] : []), ...(scope === undefined ? [] : [scope])].join(
      ' ',
    );
  });
  return steps.join('; ');
}

function titled(where: string, transaction: string | undefined, trace: readonly string[]): string[] {
  const what = transaction === undefined ? 'all that happened' : `what happened to ${transaction}`;
  return [`${where}, ${what}:`, ...historyOf(trace, transaction)];
}
