import { describe, expect, test } from '@jest/globals';
import { longestGaps, type PartitionEnd } from './gaps.js';

function gapsOf(...ends: readonly (readonly [partition: number, at: number])[]): readonly number[] {
  const told = ends.map(([partition, at]): PartitionEnd => ({ partition, at }));
  return longestGaps(told, { from: 100, until: 200, partitionCount: 2 });
}

describe('the longest gap of a partition', () => {
  test('lies between two ends that follow each other, in whatever order they are told', () => {
    expect(gapsOf([0, 190], [0, 110], [0, 130], [1, 150])[0]).toBe(60);
  });

  test('may lie before the first end, or behind the last', () => {
    expect(gapsOf([0, 170], [1, 130])).toEqual([70, 70]);
  });

  test('is the whole window where nothing ended', () => {
    expect(gapsOf([0, 150])[1]).toBe(100);
  });

  test('is not ended by what lies outside the window', () => {
    expect(gapsOf([0, 99], [0, 150], [0, 201], [1, 150])[0]).toBe(50);
  });
});
