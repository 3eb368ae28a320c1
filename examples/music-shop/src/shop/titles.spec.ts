import { describe, expect, test } from '@jest/globals';
import { titleOf, TITLES } from './titles.js';

describe('titles', () => {
  test('the shop sells 200 different titles', () => {
    expect(new Set(TITLES).size).toBe(200);
  });

  test('each run of 200 orders buys every title once', () => {
    const bought = Array.from({ length: 200 }, (_, position) => titleOf(1_001 + position));

    expect(new Set(bought)).toEqual(new Set(TITLES));
  });

  test('an order buys the same title whenever it is asked', () => {
    expect(titleOf(69_659)).toBe(titleOf(69_659));
    expect(TITLES).toContain(titleOf(69_659));
  });
});
