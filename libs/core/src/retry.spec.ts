import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs, DEFAULT_RETRY } from './retry.js';
import { fixedRandom, seededRandom } from './testing/plans.js';

const POLICY = { ...DEFAULT_RETRY, initialMs: 200, capMs: 30_000 };

describe('the pause before another attempt', () => {
  test.each([
    [1, 200],
    [2, 400],
    [3, 800],
    [8, 25_600],
    [9, 30_000],
    [1_000_000, 30_000],
  ])('after attempt %d is at most %d ms', (attempt, limitMs) => {
    expect(backoffMs(attempt, POLICY, fixedRandom(1))).toBe(limitMs);
  });

  test('may be nothing at all: full jitter', () => {
    expect(backoffMs(9, POLICY, fixedRandom(0))).toBe(0);
  });

  test('adds up to some minutes, by default, before a participant that is down makes a saga give up', () => {
    const attempts = Array.from({ length: DEFAULT_RETRY.attemptCountMax - 1 }, (_, index) => index + 1);

    const pauses = attempts.map((attempt) => backoffMs(attempt, DEFAULT_RETRY, fixedRandom(1)));

    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBe(381_000);
  });

  test('lies anywhere in between, evenly', () => {
    const random = seededRandom(7);
    const pauses = Array.from({ length: 2000 }, () => backoffMs(3, POLICY, random));

    const mean = pauses.reduce((sum, pause) => sum + pause, 0) / pauses.length;

    expect(mean).toBeGreaterThan(370);
    expect(mean).toBeLessThan(430);
    expect(pauses.every((pause) => pause >= 0 && pause <= 800)).toBe(true);
  });

  test('is a whole number of ms within the cap for any policy', () => {
    fc.assert(
      fc.property(
        fc.record({
          attempt: fc.integer({ min: 1 }),
          initialMs: fc.nat(),
          capMs: fc.nat(),
          seed: fc.integer(),
        }),
        ({ attempt, initialMs, capMs, seed }) => {
          const pause = backoffMs(attempt, { ...POLICY, initialMs, capMs }, seededRandom(seed));

          expect(Number.isInteger(pause) && pause >= 0 && pause <= capMs).toBe(true);
        },
      ),
    );
  });
});
