import { describe, expect, test } from '@jest/globals';
import { commitVerdict } from './commit.check.js';

const at = (inFlight: number, commitsPerTransaction: number) => ({ inFlight, commitsPerTransaction });

describe('the check of commits', () => {
  test('is good up to one commit for ten transactions, whatever smaller loads cost', () => {
    expect(commitVerdict([at(1, 2), at(256, 0.1)])).toEqual({
      isGood: true,
      line: 'Good: 0.100 commits per transaction with 256 in flight; at most 0.1 are promised.',
    });
  });

  test('is not good beyond', () => {
    expect(commitVerdict([at(256, 0.101)])).toEqual({
      isGood: false,
      line: 'Not good: 0.101 commits per transaction with 256 in flight; at most 0.1 are promised.',
    });
  });

  test('is not good when nothing was committed, and nobody knows what it cost', () => {
    expect(commitVerdict([at(256, Number.NaN)])).toMatchObject({ isGood: false });
  });

  test('says nothing where that load was not measured', () => {
    expect(commitVerdict([at(64, 0.5)])).toBeUndefined();
  });
});
