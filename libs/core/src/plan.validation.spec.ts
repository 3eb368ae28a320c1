import { describe, expect, test } from '@jest/globals';
import type { Plan } from './plan.js';
import { planProblems } from './plan.validation.js';
import { planOf, serialPlan, step } from './testing/plans.js';

describe('a plan', () => {
  test.each<[string, Plan]>([
    ['of one step', planOf(step('stock'))],
    ['that is a diamond', planOf(step('a'), step('b', { after: ['a'] }), step('c', { after: ['a'] }))],
    ['whose steps stand in another order', planOf(step('b', { after: ['a'] }), step('a'))],
    [
      'with a pivot',
      serialPlan(
        step('stock'),
        step('pay', { pivot: true, canUndo: false }),
        step('mail', { onRefusal: 'retry', canUndo: false }),
      ),
    ],
    [
      'with a retried step beside its pivot',
      planOf(step('pay', { pivot: true }), step('reserve', { onRefusal: 'retry' })),
    ],
    [
      'that refers through others',
      serialPlan(step('a'), step('b'), step('c', { input: [{ $from: 'a' }, { $from: '$input' }] })),
    ],
    [
      'that retries before its pivot',
      serialPlan(step('a', { onRefusal: 'retry' }), step('b', { pivot: true })),
    ],
  ])('%s is fine', (_, plan) => {
    expect(planProblems(plan)).toEqual([]);
  });

  test.each<[string, Plan, string, string]>([
    ['has no steps', planOf(), '/steps', 'A plan needs at least one step.'],
    [
      'has a name of another form',
      planOf(step('1st')),
      '/steps/0/name',
      "Step name '1st' must match ^[A-Za-z][A-Za-z0-9_-]{0,63}$.",
    ],
    ['has a name twice', planOf(step('a'), step('a')), '/steps/1/name', "Two steps are called 'a'."],
    [
      'waits for a stranger',
      planOf(step('a'), step('b', { after: ['c'] })),
      '/steps/1/after',
      "There is no step 'c' to come after.",
    ],
    [
      'waits for a stranger on a circle',
      planOf(step('a', { after: ['b'] }), step('b', { after: ['a', 'c'] })),
      '/steps/1/after',
      "There is no step 'c' to come after.",
    ],
    [
      'goes round in a circle',
      planOf(step('a', { after: ['b'] }), step('b', { after: ['a'] })),
      '/steps',
      "Step 'a' comes after itself, through the 'after' of other steps.",
    ],
    [
      'has a malformed reference',
      planOf(step('a', { input: { x: { $from: 'b', path: '' } } })),
      '/steps/0/input',
      '{"$from":"b","path":""} is no reference: it takes "$from" (a step or "$input") and "pointer" (a JSON pointer), nothing else.',
    ],
    [
      'refers to a step beside it',
      planOf(step('a'), step('b', { input: { $from: 'a' } })),
      '/steps/1/input',
      "Step 'b' refers to the output of 'a', which does not come before it.",
    ],
    [
      'refers to itself',
      planOf(step('a', { input: { $from: 'a' } })),
      '/steps/0/input',
      "Step 'a' refers to the output of 'a', which does not come before it.",
    ],
    [
      'has two pivots',
      serialPlan(step('a', { pivot: true }), step('b', { pivot: true })),
      '/steps',
      'A plan has at most one pivot, and this one has 2.',
    ],
    [
      'may refuse after its pivot',
      serialPlan(step('a', { pivot: true }), step('b')),
      '/steps/1/onRefusal',
      `Step 'b' runs beside or after the pivot, so it can no longer abort: it needs "onRefusal": "retry".`,
    ],
    [
      'may refuse beside its pivot',
      planOf(step('a', { pivot: true }), step('b')),
      '/steps/1/onRefusal',
      `Step 'b' runs beside or after the pivot, so it can no longer abort: it needs "onRefusal": "retry".`,
    ],
    [
      'retries its pivot',
      planOf(step('a', { pivot: true, onRefusal: 'retry' })),
      '/steps/0/onRefusal',
      `Step 'a' is the pivot: its refusal aborts, so "onRefusal": "retry" contradicts it.`,
    ],
    [
      'cannot undo a step before its pivot',
      serialPlan(step('a', { canUndo: false }), step('b', { pivot: true })),
      '/steps/0',
      "Action a-service/do has no compensation, so step 'a' must be the pivot or come after it.",
    ],
    [
      'cannot undo a step beside its pivot',
      planOf(step('a', { canUndo: false, onRefusal: 'retry' }), step('b', { pivot: true })),
      '/steps/0',
      "Action a-service/do has no compensation, so step 'a' must be the pivot or come after it.",
    ],
    [
      'cannot undo a step and has no pivot',
      planOf(step('a', { canUndo: false })),
      '/steps/0',
      "Action a-service/do has no compensation, so step 'a' must be the pivot or come after it.",
    ],
  ])('that %s is told so', (...[, plan, path, message]) => {
    expect(planProblems(plan)).toEqual([{ path, message }]);
  });

  test('is told all that is wrong at once', () => {
    const plan = planOf(
      step('a', { input: [{ $from: 'b' }, { $from: 'c' }], canUndo: false }),
      step('b', { canUndo: false }),
    );

    expect(planProblems(plan).map(({ path }) => path)).toEqual([
      '/steps/0/input',
      '/steps/0/input',
      '/steps/0',
      '/steps/1',
    ]);
  });
});
