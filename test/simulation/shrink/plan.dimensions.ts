import type { SubmittedStep } from '@atone/protocol';
import type { LedCall, LedSpec, LedWork } from '../plan/led.draw.js';
import { PLAIN_OPTIONS, type SimulationOptions } from '../plan/options.js';
import type { SimulationPlan } from '../plan/simulation.plan.js';
import { serviceName, type TransactionSpec } from '../plan/transaction.draw.js';

/** One way to make a plan smaller: it has parts of some sort, and can do with some of them. */
export interface Dimension<Part> {
  partsOf(plan: SimulationPlan): readonly Part[];
  keep(plan: SimulationPlan, parts: readonly Part[]): SimulationPlan;
}

const KINDS: Dimension<SimulationOptions['kinds'][number]> = {
  partsOf: ({ options }) => options.kinds,
  keep: (plan, kinds) => ({
    ...plan,
    options: { ...plan.options, kinds },
    points: plan.points?.filter(({ kind }) => kinds.includes(kind)),
  }),
};

const TRANSACTIONS: Dimension<TransactionSpec> = {
  partsOf: ({ transactions }) => transactions,
  keep: (plan, transactions) => ({ ...plan, transactions }),
};

const LED: Dimension<LedSpec> = {
  partsOf: ({ led = [] }) => led,
  keep: (plan, led) => ({ ...plan, led }),
};

/** A call goes with all calls below it. */
const CALLS: Dimension<string> = {
  partsOf: ({ led = [] }) => led.flatMap(({ work }) => callsIn(work)).map(({ name }) => name),
  keep: (plan, names) => ({
    ...plan,
    led: plan.led?.map((spec) => ({ ...spec, work: workOf(spec.work, new Set(names)) })),
  }),
};

const TIMED: Dimension<SimulationPlan['timed'][number]> = {
  partsOf: ({ timed }) => timed,
  keep: (plan, timed) => ({ ...plan, timed }),
};

const POINTS: Dimension<NonNullable<SimulationPlan['points']>[number]> = {
  partsOf: ({ points }) => points ?? [],
  keep: (plan, points) => ({ ...plan, points }),
};

/** A transaction keeps one step at least; to lose the last one is to lose the transaction. */
const STEPS: Dimension<string> = {
  partsOf: ({ transactions }) =>
    transactions.flatMap((spec) => spec.submission.steps.slice(1).map((step) => placeOf(spec, step))),
  keep: (plan, places) => ({
    ...plan,
    transactions: plan.transactions.map((spec) => {
      const { submission } = spec;
      const kept = submission.steps.filter(
        (step, index) => index === 0 || places.includes(placeOf(spec, step)),
      );
      const steps = kept.map((step) => ({ ...step, after: predecessors(submission.steps, kept, step) }));
      return { ...spec, submission: { ...submission, steps } };
    }),
  }),
};

/** The services behind the last one that a step calls; each would only start. */
const SERVICES: Dimension<string> = {
  partsOf: ({ options, transactions, led = [] }) => {
    const called = new Set([
      ...transactions.flatMap(({ submission }) => submission.steps.map((step) => step.service)),
      ...led.flatMap(({ work }) => callsIn(work)).map((call) => call.service),
    ]);
    const names = Array.from({ length: options.serviceCount }, (_, index) => serviceName(index));
    return names.slice(Math.max(1, 1 + names.findLastIndex((name) => called.has(name))));
  },
  keep: (plan, kept) => {
    const serviceCount = plan.options.serviceCount - SERVICES.partsOf(plan).length + kept.length;
    return { ...plan, options: { ...plan.options, serviceCount } };
  },
};

const OPTIONS: Dimension<keyof typeof PLAIN_OPTIONS> = {
  partsOf: ({ options }) => PLAIN_KEYS.filter((key) => options[key] !== PLAIN_OPTIONS[key]),
  keep: (plan, kept) => {
    const plain = Object.fromEntries(
      PLAIN_KEYS.filter((key) => !kept.includes(key)).map((key) => [key, PLAIN_OPTIONS[key]]),
    );
    return { ...plan, options: { ...plan.options, ...plain } };
  },
};

/** All ways to make a plan smaller, those that take most away first. */
export const DIMENSIONS: readonly Dimension<unknown>[] = [
  KINDS,
  TRANSACTIONS,
  LED,
  TIMED,
  POINTS,
  STEPS,
  CALLS,
  SERVICES,
  OPTIONS,
];

const PLAIN_KEYS = Object.keys(PLAIN_OPTIONS) as (keyof typeof PLAIN_OPTIONS)[];

function callsIn(work: LedWork): readonly LedCall[] {
  return work.flatMap(({ calls }) => calls).flatMap((call) => [call, ...callsIn(call.below)]);
}

function workOf(work: LedWork, names: ReadonlySet<string>): LedWork {
  return work
    .map((step) => ({
      ...step,
      calls: step.calls
        .filter(({ name }) => names.has(name))
        .map((call) => ({ ...call, below: workOf(call.below, names) })),
    }))
    .filter(({ calls }) => calls.length > 0);
}

function placeOf(spec: TransactionSpec, step: SubmittedStep): string {
  return `${spec.name}/${step.name}`;
}

/** What a step comes after now: for a step that has gone, whatever that one came after. */
function predecessors(
  all: readonly SubmittedStep[],
  kept: readonly SubmittedStep[],
  step: SubmittedStep,
): string[] {
  const names = (step.after ?? []).flatMap((name) => {
    const gone = kept.some((one) => one.name === name) ? undefined : all.find((one) => one.name === name);
    return gone === undefined ? [name] : predecessors(all, kept, gone);
  });
  return [...new Set(names)];
}
