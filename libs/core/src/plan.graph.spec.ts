import { describe, expect, test } from '@jest/globals';
import { ancestorsByStep, cycleIn, planIndex } from './plan.graph.js';
import { step } from './testing/plans.js';

const DIAMOND = [
  step('d', { after: ['b', 'c'] }),
  step('a'),
  step('b', { after: ['a', 'a'] }),
  step('c', { after: ['a'], pivot: true }),
];

describe('the graph of a plan', () => {
  test('knows what each step depends on, directly or through others', () => {
    const ancestors = ancestorsByStep(DIAMOND);

    expect([...(ancestors.get('d') ?? [])].toSorted()).toEqual(['a', 'b', 'c']);
    expect([...(ancestors.get('b') ?? [])]).toEqual(['a']);
    expect([...(ancestors.get('a') ?? [])]).toEqual([]);
  });

  test('lets each step on a cycle depend on all of it', () => {
    const ancestors = ancestorsByStep([step('x', { after: ['y'] }), step('y', { after: ['x'] })]);

    expect([...(ancestors.get('x') ?? [])].toSorted()).toEqual(['x', 'y']);
  });

  test('is indexed once, in an order in which nothing stands before what it depends on', () => {
    const index = planIndex(DIAMOND);

    expect(index.order).toEqual([1, 2, 3, 0]);
    expect(index.dependents).toEqual([[], [2, 3], [0], [0]]);
    expect(index.pivot).toBe(3);
    expect(planIndex(DIAMOND)).toBe(index);
  });

  test('without a pivot says so', () => {
    expect(planIndex([step('a')]).pivot).toBeUndefined();
  });

  test('names a step on a cycle, not one that only hangs on it', () => {
    const steps = [
      step('after', { after: ['x'] }),
      step('before'),
      step('x', { after: ['before', 'z'] }),
      step('y', { after: ['x'] }),
      step('z', { after: ['y'] }),
    ];

    expect(['x', 'y', 'z']).toContain(cycleIn(steps));
    expect(cycleIn([step('free'), step('self', { after: ['self'] })])).toBe('self');
    expect(cycleIn(DIAMOND)).toBeUndefined();
  });
});
