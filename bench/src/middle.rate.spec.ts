import { expect, test } from '@jest/globals';
import { middleRate } from './middle.rate.js';

test('the rate that counts is that of the middle turn, whenever it came', () => {
  const turns = [
    { count: 90, seconds: 1 },
    { count: 20, seconds: 2 },
    { count: 100, seconds: 2 },
  ];

  expect(middleRate(turns)).toBe(50);
});

test('without a turn there is no rate', () => {
  expect(middleRate([])).toBeNaN();
});
