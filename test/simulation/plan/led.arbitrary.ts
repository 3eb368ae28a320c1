import fc from 'fast-check';
import type { PointFault, PointFaultKind } from './fault.js';
import { LED_ACTIONS, OFFICE, type LedCall, type LedSpec, type LedStep, type LedWork } from './led.draw.js';
import { PLAIN_OPTIONS } from './options.js';
import type { SimulationPlan } from './simulation.plan.js';
import { serviceName } from './transaction.draw.js';

const SERVICE_COUNT = 3;

/** What becomes of a call, of its repeats, and of what is asked of its branch in the end. */
const FATES = {
  answers: [],
  refuses: [{ kind: 'refusal', at: 'action' }],
  'throws once': [{ kind: 'error', at: 'action' }],
  'is lost': [{ kind: 'command-lost', at: 'action 1.1' }],
  'loses its answer': [{ kind: 'reply-lost', at: 'action 1.1' }],
  'is repeated later': [{ kind: 'command-repeated', at: 'action 1.1' }],
  'comes late': [{ kind: 'command-late', at: 'action 1.1' }],
  'never answers': [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => ({
    kind: 'reply-lost' as const,
    at: `action 1.${attempt}`,
  })),
  'is not told how it ends': [
    { kind: 'command-lost', at: 'confirm 1.1' },
    { kind: 'command-lost', at: 'compensate 1.1' },
  ],
  'is told twice how it ends': [
    { kind: 'command-repeated', at: 'confirm 1.1' },
    { kind: 'command-repeated', at: 'compensate 1.1' },
  ],
  'refuses to be undone': [{ kind: 'refusal', at: 'undo' }],
} as const satisfies Record<string, readonly { readonly kind: PointFaultKind; readonly at: string }[]>;

type Fate = keyof typeof FATES;

/** What becomes of the decision. */
const DECISION_FATES = {
  'is answered': [],
  'is lost': ['command-lost'],
  'loses its answer': ['commit-answer-lost'],
  'comes twice': ['command-repeated'],
  'comes late': ['command-late'],
  'is never sent': ['initiator-crash'],
} as const satisfies Record<string, readonly PointFaultKind[]>;

/** A call before it has a name, with what becomes of it. */
interface Node extends Omit<LedCall, 'name' | 'below'> {
  readonly fate: Fate;
  readonly below: readonly NodeStep[];
}

type NodeStep = Omit<LedStep, 'calls'> & { readonly calls: readonly Node[] };

const action = fc.constantFrom(...Object.values(LED_ACTIONS));

const fate = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fate>('answers') },
  { weight: 1, arbitrary: fc.constantFrom(...(Object.keys(FATES) as Fate[])) },
);

function stepsTo(depth: number, stepCountMax: number): fc.Arbitrary<NodeStep[]> {
  const node: fc.Arbitrary<Node> = fc.record({
    service: fc.constantFrom(
      OFFICE,
      ...Array.from({ length: SERVICE_COUNT }, (_, index) => serviceName(index)),
    ),
    action,
    timeoutMs: fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.integer({ min: 20, max: 1_000 }) },
    ),
    fate,
    below: depth === 1 ? fc.constant([]) : stepsTo(depth - 1, 1),
  });
  const step: fc.Arbitrary<NodeStep> = fc.record({
    calls: fc.array(node, { minLength: 1, maxLength: 3 }),
    isPatient: fc.boolean(),
    isCaught: fc.boolean(),
    scope: fc.constantFrom(undefined, undefined, undefined, 'NESTED' as const),
  });
  return fc.array(step, { maxLength: stepCountMax });
}

/** Trees of calls up to `depth` deep, made by one transaction, each with what becomes of every call and of the decision. */
export function callTrees(depth: number): fc.Arbitrary<SimulationPlan> {
  return fc
    .record({
      steps: stepsTo(depth, 3),
      ends: fc.constantFrom(
        'returns' as const,
        'returns' as const,
        'returns' as const,
        'throws' as const,
        'throws-and-commits' as const,
      ),
      decision: fc.constantFrom(...(Object.keys(DECISION_FATES) as (keyof typeof DECISION_FATES)[])),
      timeoutMs: fc.constantFrom(600, 5_000),
      replyBytesMax: fc.constantFrom(100, PLAIN_OPTIONS.replyBytesMax),
      seed: fc.integer({ min: 1, max: 0x7fffffff }),
    })
    .map(({ steps, ends, decision, timeoutMs, replyBytesMax, seed }) => {
      const points: PointFault[] = DECISION_FATES[decision].map((kind) => faultAt(kind, decisionPoint(kind)));
      const work = named(steps, 'led0', points);
      const spec: LedSpec = {
        name: 'led0',
        atMs: 50,
        timeoutMs,
        patienceMs: 400,
        wait: 'decided',
        work,
        ends,
      };
      return {
        seed,
        options: optionsFor(points, replyBytesMax),
        transactions: [],
        led: [spec],
        timed: [],
        points,
      };
    });
}

function optionsFor(points: readonly PointFault[], replyBytesMax: number): SimulationPlan['options'] {
  return {
    ...PLAIN_OPTIONS,
    coordinatorCount: 2,
    serviceCount: SERVICE_COUNT,
    transactionCount: 0,
    ledCount: 1,
    faultMs: 8_000,
    kinds: [...new Set(points.map(({ kind }) => kind))],
    isReordering: true,
    sweepEveryMs: 300,
    replyBytesMax,
  };
}

/** Who leads the transaction crashes where it sends its decision; anything else happens to the request. */
function decisionPoint(kind: PointFaultKind): string {
  return kind === 'initiator-crash' ? 'office.0 sends led0 commit' : 'led0 commit';
}

/** Names the calls as plans do, and notes what becomes of them. */
function named(steps: readonly NodeStep[], above: string, points: PointFault[]): LedWork {
  let count = 0;
  return steps.map(({ calls, ...step }) => ({
    ...step,
    calls: calls.map(({ fate: own, below, ...call }) => {
      count += 1;
      const name = `${above}.${count}`;
      points.push(...FATES[own].map(({ kind, at }) => faultAt(kind, pointOf(name, at))));
      return { ...call, name, below: named(below, name, points) };
    }),
  }));
}

/** A message is known by its transaction, the code of a branch by its call. */
function pointOf(name: string, at: string): string {
  return /\d$/u.test(at) ? `led0/${name} ${at}` : `${name} ${at}`;
}

function faultAt(kind: PointFaultKind, point: string): PointFault {
  return { kind, point, occurrence: 0, amount: 0.4 };
}
