/** Returns in which of these partitions the replies to a transaction are waited for; undefined where there are none. */
export function replyPartitionOf(gid: string, partitions: readonly number[]): number | undefined {
  const turn = Number.parseInt(gid.slice(-6), 16) || 0;
  return partitions[turn % partitions.length];
}
