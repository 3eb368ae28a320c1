import { expect, test } from '@jest/globals';
import { readArguments } from './arguments.js';

const BUGS = ['undo-in-forward-order', 'no-barrier'];

test('a thousand seeds from the first on are run when nothing is asked for', () => {
  expect(read()).toMatchObject({ from: 1, runCount: 1_000, shrinks: true, seed: undefined });
});

test('whoever gives minutes gets as many seeds as fit in', () => {
  expect(read('--minutes', '0.5')).toMatchObject({ forMinutes: 0.5, runCount: Number.MAX_SAFE_INTEGER });
});

test('a plan is not made smaller unless somebody asks for it', () => {
  expect([read('--plan', 'x.json'), read('--plan', 'x.json', '--shrink')]).toMatchObject([
    { plan: 'x.json', shrinks: false },
    { plan: 'x.json', shrinks: true },
  ]);
});

test('--help is a wish for the usage', () => {
  expect(read('--help')).toBeUndefined();
});

test.each([
  [['--seeed', '3'], 'There is no option --seeed. The nearest is --seed.'],
  [['--workrs=3'], 'There is no option --workrs. The nearest is --workers.'],
  [['--bug', 'no-barier'], 'There is no planted bug no-barier. The nearest is no-barrier.'],
  [['7'], "Nothing is known about '7'; options begin with --."],
  [['--seed'], '--seed needs a value.'],
  [['--seed', 'one'], "--seed takes a whole number, and 'one' is none."],
  [['--runs=-1'], "--runs takes a whole number, and '-1' is none."],
  [['--runs', '--seed'], "Option '--runs' argument is ambiguous."],
  [['--workers', '0'], '--workers takes a whole number from 1, and 0 is none.'],
  [['--minutes', '0'], "--minutes takes a number above 0, and '0' is none."],
  [['--seed', '1', '--runs', '5'], '--seed runs one and no other; --runs does not go with it.'],
  [['--plan', 'x', '--seed', '5'], '--seed runs one and no other; --plan does not go with it.'],
  [['--trace', 'x'], '--trace is for a single --seed or --plan.'],
])('%j is answered with what is wrong', (args, sentence) => {
  expect(() => read(...args)).toThrow(sentence);
});

function read(...args: string[]): ReturnType<typeof readArguments> {
  return readArguments(args, BUGS);
}
