import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PointFault } from '../plan/fault.js';
import { planOfSeed, type SimulationPlan } from '../plan/simulation.plan.js';
import { smallestPlan } from './smallest.plan.js';

const POINTS = Array.from({ length: 200 }, (_, occurrence): PointFault => ({
  kind: 'log-lost',
  point: 'coordinator-0 update',
  occurrence,
  amount: 0.5,
}));

test('a plan that fails for two faults out of hundreds is left with these two', async () => {
  let tryCount = 0;
  const fails = async ({ points = [] }: SimulationPlan): Promise<boolean> => {
    tryCount += 1;
    return [17, 130].every((wanted) => points.some(({ occurrence }) => occurrence === wanted));
  };

  const { points, transactions, timed } = await smallestPlan(largePlan(), { fails, isOver: () => false });

  expect(points?.map(({ occurrence }) => occurrence)).toEqual([17, 130]);
  expect([...transactions, ...timed]).toEqual([]);
  expect(tryCount).toBeLessThan(100);
});

test('whatever faults matter, they are left, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(199), { maxLength: 6 }), async (wanted) => {
      const { points = [] } = await shrunk(largePlan(), (plan) =>
        wanted.every((each) => plan.points?.some(({ occurrence }) => occurrence === each)),
      );

      expect(new Set(points.map(({ occurrence }) => occurrence))).toEqual(new Set(wanted));
    }),
    { numRuns: 30 },
  );
});

test('a step that matters stays, and comes after what the steps that are gone came after', async () => {
  const [spec] = planOfSeed(1).transactions;
  const steps = [step('s0', []), step('s1', ['s0']), step('s2', ['s1']), step('s3', ['s2'])];
  const plan = {
    ...planOfSeed(1),
    transactions: [{ ...spec, submission: { ...spec?.submission, steps } }],
  } as SimulationPlan;

  const smallest = await shrunk(plan, ({ transactions }) =>
    transactions.some(({ submission }) => submission.steps.some(({ name }) => name === 's3')),
  );

  expect(smallest.transactions[0]?.submission.steps).toMatchObject([
    { name: 's0', after: [] },
    { name: 's3', after: ['s0'] },
  ]);
});

test('options that do not matter are as plain as can be', async () => {
  const plan = largePlan();
  const options = { ...plan.options, coordinatorCount: 3, instanceCount: 2, isReordering: true };

  const smallest = await shrunk({ ...plan, options }, (smaller) => smaller.options.coordinatorCount === 3);

  expect(smallest.options).toMatchObject({ coordinatorCount: 3, instanceCount: 1, isReordering: false });
});

test('when time is up, what is the smallest by then is the answer', async () => {
  let tryCount = 0;
  const fails = async ({ points = [] }: SimulationPlan): Promise<boolean> => {
    tryCount += 1;
    return points.some(({ occurrence }) => occurrence === 42);
  };

  const { points } = await smallestPlan(largePlan(), { fails, isOver: () => tryCount >= 12 });

  expect(points).toContainEqual(POINTS[42]);
  expect(tryCount).toBe(12);
});

async function shrunk(
  plan: SimulationPlan,
  isBad: (plan: SimulationPlan) => boolean,
): Promise<SimulationPlan> {
  return smallestPlan(plan, { fails: async (smaller) => isBad(smaller), isOver: () => false });
}

function step(name: string, after: readonly string[]): object {
  return { name, service: 'service-0', action: 'book', after };
}

function largePlan(): SimulationPlan {
  const plan = planOfSeed(1);
  return { ...plan, options: { ...plan.options, kinds: ['log-lost', 'refusal'] }, points: POINTS };
}
