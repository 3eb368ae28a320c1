import { expect, test } from '@jest/globals';
import { turnsOf } from './turns.js';

test('each has its turn, over and over', () => {
  const next = turnsOf(['a', 'b', 'c']);

  expect([next(), next(), next(), next()]).toEqual(['a', 'b', 'c', 'a']);
});

test('the first turn may be another', () => {
  const next = turnsOf(['a', 'b'], 5);

  expect([next(), next()]).toEqual(['b', 'a']);
});
