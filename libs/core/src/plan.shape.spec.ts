import { describe, expect, test } from '@jest/globals';
import type { PlanStep } from './plan.js';
import { ShapeCache } from './plan.shape.js';
import { step } from './testing/plans.js';

/** Returns how often something is found out about these plans, one after the other. */
function findings(...plans: readonly (readonly PlanStep[])[]): number {
  const cache = new ShapeCache<number>();
  let count = 0;
  const answers = plans.map((steps) =>
    cache.of(steps, (found) => {
      count += 1;
      return found.length;
    }),
  );
  expect(answers).toEqual(plans.map((steps) => steps.length));
  return count;
}

const PLAN = [step('pay'), step('ship', { after: ['pay'] })];

describe('what is found out about the shape of a plan', () => {
  test('holds for plans that differ in inputs and retries alone', () => {
    const other = PLAN.map((each) => ({ ...each, input: { amount: 7 }, retry: { capMs: 1 } }));

    expect(findings(PLAN, structuredClone(PLAN), other)).toBe(1);
  });

  test.each<Partial<PlanStep>>([
    { branchId: 'send' },
    { service: 'post' },
    { action: 'fly' },
    { after: [] },
    { after: ['pay', 'pay'] },
    { after: ['ship'] },
    { pivot: true },
    { onRefusal: 'retry' },
    { hasBarrier: false },
    { canUndo: false },
    { led: { kind: 'saga', goal: 'undo' } },
  ])('does not hold with %j in a step', (change) => {
    const other = PLAN.map((each, position) => (position === 1 ? { ...each, ...change } : each));

    expect(findings(PLAN, other)).toBe(2);
  });

  test('does not hold for a plan that is longer, shorter or empty', () => {
    expect(findings(PLAN, [...PLAN, step('pack')], PLAN.slice(0, 1), [])).toBe(4);
  });

  test('is forgotten, the oldest first, when there are too many shapes', () => {
    const many = Array.from({ length: 256 }, (_, number) => [step(`step${number}`)]);

    expect(findings(PLAN, ...many.slice(1), PLAN)).toBe(256);
    expect(findings(PLAN, ...many, PLAN)).toBe(258);
  });

  test.each<[string, readonly string[]]>([
    ['a name that is too long', ['x'.repeat(65)]],
    ['more others than there can be', Array.from({ length: 33 }, () => 'pay')],
  ])('is not kept where a step waits for %s', (...[, after]) => {
    const steps = [step('pay'), step('ship', { after })];

    expect(findings(steps, steps)).toBe(2);
  });

  test('is found out anew for each long plan', () => {
    const long = Array.from({ length: 33 }, (_, number) => step(`step${number}`));

    expect(findings(long, long)).toBe(2);
  });
});
