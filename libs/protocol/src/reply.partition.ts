import { gidTimeMs } from '@atone/core';

/** The replies to what began within this time come together. */
const TOGETHER_MS = 20;

/**
 * Returns in which of these partitions the replies to a transaction are waited for, all of them in one; undefined where there are none.
 *
 * What began together shares it. Dealt out singly, the replies of each batch would go to all partitions, and to a request a
 * partition more costs what some records cost: the participant, the broker, and whoever reads them.
 */
export function replyPartitionOf(gid: string, partitions: readonly number[]): number | undefined {
  const turn = Math.floor((gidTimeMs(gid) || 0) / TOGETHER_MS);
  return partitions[turn % partitions.length];
}
