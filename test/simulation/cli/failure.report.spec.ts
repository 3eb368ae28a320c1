import { expect, test } from '@jest/globals';
import { planOfSeed } from '../plan/simulation.plan.js';
import type { ExplainedFailure } from '../shrink/explanation.js';
import { failureReport } from './failure.report.js';

const PLAN = planOfSeed(3);
const FAILURE: ExplainedFailure = {
  promise: 'S1',
  transaction: 'tx1',
  message: 'S1 is broken for tx1: the decision changed',
  recorded: { ...PLAN, points: [] },
  isReproduced: true,
};

test('a report begins with the seed, the promise, the commit and all options', () => {
  const [seed, commit, ...rest] = failureReport(PLAN, { trace: [], failure: FAILURE }, RUN);

  expect(seed).toBe('Seed 3: S1 is broken for tx1: the decision changed');
  expect(commit).toBe('  commit   0123456789, with the planted bug some-bug');
  for (const name of Object.keys(PLAN.options).filter((key) => key !== 'kinds')) {
    expect(rest.join('\n')).toContain(`${name} `);
  }
});

test('a failure that only the seed shows is told as such, with the history of the seed', () => {
  const trace = ['      1.00 log             tx1 v1 running owner coordinator-0.1'];

  const report = failureReport(PLAN, { trace, failure: { ...FAILURE, isReproduced: false } }, RUN);

  expect(report).toEqual(
    expect.arrayContaining([
      '  The faults alone, without the draws of the seed, do not show it again. Only the seed does.',
      'In the run of the seed, what happened to tx1:',
      ...trace,
    ]),
  );
});

test('the smallest plan is told with how much was taken away', () => {
  const [transaction] = PLAN.transactions;
  const fault = { kind: 'log-lost', point: 'coordinator-0 update', occurrence: 2, amount: 0.5 } as const;
  const smallest = {
    plan: {
      ...PLAN,
      transactions: transaction === undefined ? [] : [transaction],
      timed: [],
      points: [fault],
    },
    message: 'S1 is broken for tx0: the decision changed',
    transaction: 'tx0',
    trace: ['      1.00 log             tx0 v1 running owner coordinator-0.1'],
    tryCount: 12,
    seconds: 0.5,
  };
  const recorded = { ...PLAN, points: [fault, fault, fault] };

  const report = failureReport(PLAN, { trace: [], failure: { ...FAILURE, recorded, smallest } }, RUN).join(
    '\n',
  );

  expect(report).toContain('The smallest plan that still fails, after 12 tries in 0.5 s:');
  expect(report).toContain(`transactions  1 of ${PLAN.transactions.length}`);
  expect(report).toContain(`0 of ${PLAN.timed.length} at a time, 1 of 3 at a place`);
  expect(report).toContain('    log-lost at coordinator-0 update, time 3, 0.50 hard');
  expect(report).toContain('With the smallest plan, what happened to tx0:');
});

const RUN = { commit: '0123456789', bug: 'some-bug' };
