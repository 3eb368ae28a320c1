import { describe, expect, test } from '@jest/globals';
import { coordinatorsVerdicts, sharesOfTwo, takeoverVerdicts, type CheckedTurn } from './fleet.check.js';

function turn(coordinatorCount: 1 | 2, count: number): CheckedTurn {
  return { way: 'http', coordinatorCount, count, seconds: 10 };
}

function turns(one: readonly number[], two: readonly number[]): readonly CheckedTurn[] {
  return [...one.map((count) => turn(1, count)), ...two.map((count) => turn(2, count))];
}

describe('the check of two coordinators', () => {
  test('is by the middle one of the turns of each', () => {
    expect(sharesOfTwo(turns([50, 10, 60], [90, 20, 45]))).toEqual(new Map([['http', 0.9]]));
  });

  test('is good from 0.85 times the rate of one on', () => {
    const verdicts = [85, 84].flatMap((count) => coordinatorsVerdicts(turns([100], [count])));

    expect(verdicts.map(({ isGood }) => isGood)).toEqual([true, false]);
  });

  test('is not good where one coordinator alone was not measured', () => {
    expect(coordinatorsVerdicts(turns([], [100]))).toMatchObject([{ isGood: false }]);
  });

  test('names what was measured, and what is promised', () => {
    expect(coordinatorsVerdicts(turns([100], [70]))[0]?.line).toBe(
      'Not good: coordinators over http: two have 0.70 times the rate of one; at least 0.85 are promised.',
    );
  });
});

describe('the check of a takeover', () => {
  test('is by the last transaction to end, and of each kill', () => {
    const verdicts = takeoverVerdicts([
      { way: 'kafkajs', endedAfterMs: [6_000, 10_000] },
      { way: 'kafkajs', endedAfterMs: [6_000, 10_001] },
    ]);

    expect(verdicts.map(({ isGood }) => isGood)).toEqual([true, false]);
  });

  test('is not good where the kill has interrupted nothing', () => {
    expect(takeoverVerdicts([{ way: 'http', endedAfterMs: [] }])).toMatchObject([{ isGood: false }]);
  });

  test('names what was measured, and what is promised', () => {
    expect(takeoverVerdicts([{ way: 'http', endedAfterMs: [5_000, 7_260] }])[0]?.line).toBe(
      'Good: takeover over http: the last of 2 transactions had ended 7.3 s after the kill; at most 10.0 s are promised.',
    );
  });
});
