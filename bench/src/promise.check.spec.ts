import { describe, expect, test } from '@jest/globals';
import { verdictsOn, type Stretch } from './promise.check.js';

const PERFECT: Stretch = { task: 'saga', inFlight: 256, commits: 0.05, inserted: 1, updated: 1 };

function verdictsOf(stretch: Partial<Stretch>): readonly boolean[] {
  return verdictsOn({ ...PERFECT, ...stretch }).map(({ isGood }) => isGood);
}

describe('the check of commits', () => {
  test.each([
    ['saga', 0.1],
    ['tcc', 0.15],
    ['led-saga', 0.15],
  ] as const)('%s may cost up to %d commits where writes can share them', (task, commits) => {
    expect(verdictsOf({ task, commits })).toEqual([true, true]);
    expect(verdictsOf({ task, commits: commits + 0.001 })).toEqual([true, false]);
  });

  test('is not good when nothing was committed, and nobody knows what it cost', () => {
    expect(verdictsOf({ commits: Number.NaN })).toEqual([true, false]);
  });

  test('says nothing of smaller loads, which have fewer writes to share a commit', () => {
    expect(verdictsOf({ inFlight: 64, commits: 0.5 })).toEqual([true]);
  });

  test('names what was measured, and what is promised', () => {
    expect(verdictsOn({ ...PERFECT, task: 'tcc', commits: 0.2 }).at(-1)?.line).toBe(
      'Not good: tcc: 0.200 commits per transaction with 256 in flight; at most 0.15 are promised.',
    );
  });
});

describe('the check of rows', () => {
  test('a transaction that commits costs one row inserted and one updated, under any load', () => {
    expect(verdictsOf({ task: 'tcc', inFlight: 1, commits: 4 })).toEqual([true]);
    expect(verdictsOf({ task: 'tcc', inFlight: 1, inserted: 1.01 })).toEqual([false]);
    expect(verdictsOf({ task: 'tcc', inFlight: 1, updated: 2 })).toEqual([false]);
    expect(verdictsOf({ task: 'tcc', inFlight: 1, updated: 0.99 })).toEqual([false]);
  });

  test('one of a thousand may take longer than a second, which costs it one more', () => {
    expect(verdictsOf({ inFlight: 1, updated: 1.001 })).toEqual([true]);
  });

  test('one whose initiator died costs one row, and no update', () => {
    const dead: Partial<Stretch> = { task: 'dead-initiator', inFlight: 64 };

    expect(verdictsOf({ ...dead, updated: 0 })).toEqual([true]);
    expect(verdictsOf({ ...dead, updated: 1 })).toEqual([false]);
    expect(verdictsOf({ ...dead, inserted: 2, updated: 0 })).toEqual([false]);
  });

  test('names what was measured, and what is promised', () => {
    expect(verdictsOn({ ...PERFECT, inFlight: 1, updated: 2 }).at(-1)?.line).toBe(
      'Not good: saga: 1.000 rows inserted and 2.000 updated per transaction with 1 in flight; 1 and 1 are promised.',
    );
  });

  test('is not good when nothing was committed', () => {
    expect(verdictsOf({ inFlight: 1, inserted: Number.NaN, updated: Number.NaN })).toEqual([false]);
  });
});
