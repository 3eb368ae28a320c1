import { gidTimeMs } from '@atone/core';

/** The replies to what began within this time come together. */
const TOGETHER_MS = 20;

/**
 * Returns by which of the partitions that are held the replies to a transaction come: all of them by one, so that they keep their
 * order. Undefined where none is held.
 *
 * What began together shares it. Dealt out singly, the replies of each batch would go to all partitions, and to a request a
 * partition more costs what some records cost: the participant, the broker, and whoever reads them.
 */
export function replyPartition(gid: string, held: readonly number[]): number | undefined {
  const turn = Math.floor((gidTimeMs(gid) || 0) / TOGETHER_MS);
  return held[turn % held.length];
}
