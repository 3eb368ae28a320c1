/** An end of a transaction, of which the commands went through this partition. */
export interface PartitionEnd {
  readonly partition: number;
  readonly at: number;
}

export interface GapWindow {
  readonly from: number;
  readonly until: number;
  readonly partitionCount: number;
}

/**
 * Returns for each partition the longest time within the window in which no transaction of it ended. One of which none ended at
 * all was silent from beginning to end.
 */
export function longestGaps(
  ends: readonly PartitionEnd[],
  { from, until, partitionCount }: GapWindow,
): readonly number[] {
  const lastAt = Array.from({ length: partitionCount }, () => from);
  const longest = Array.from({ length: partitionCount }, () => 0);
  const note = (partition: number, at: number): void => {
    longest[partition] = Math.max(longest[partition] ?? 0, at - (lastAt[partition] ?? from));
    lastAt[partition] = at;
  };
  ends
    .filter(({ at }) => at >= from && at <= until)
    .toSorted((left, right) => left.at - right.at)
    .forEach(({ partition, at }) => note(partition, at));
  longest.forEach((_, partition) => note(partition, until));
  return longest;
}
