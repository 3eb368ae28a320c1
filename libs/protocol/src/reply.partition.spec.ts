import { describe, expect, test } from '@jest/globals';
import { mintGid } from '@atone/core';
import { replyPartitionOf } from './reply.partition.js';

const HELD = [2, 5, 7];
const NOW = 1_767_225_600_000;

function gidAt(ms: number, dice: number): string {
  return mintGid(ms, 0, { next: () => dice, bytes: (count) => new Uint8Array(count).fill(dice) });
}

describe('the partition for the replies to a transaction', () => {
  test('is that of others that began with it', () => {
    const partitions = [0, 7, 19].map((ms) => replyPartitionOf(gidAt(NOW + ms, ms), HELD));

    expect(new Set(partitions).size).toBe(1);
  });

  test('changes with time, so that each that is held has its turn', () => {
    const partitions = [0, 20, 40].map((ms) => replyPartitionOf(gidAt(NOW + ms, 1), HELD));

    expect(new Set(partitions)).toEqual(new Set(HELD));
  });

  test('is one of those that are held, whatever is called a gid', () => {
    expect(HELD).toContain(replyPartitionOf('', HELD));
  });

  test('is none where none is held', () => {
    expect(replyPartitionOf(gidAt(NOW, 1), [])).toBeUndefined();
  });
});
