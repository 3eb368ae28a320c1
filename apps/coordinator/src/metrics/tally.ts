/**
 * Counts by labels. To raise a count costs a look into a map and no more, since it is done for every command; whoever shows the
 * counts reads them when asked.
 */
export class Tally<Label extends string> {
  private readonly counts = new Map<string, number>();

  constructor(readonly labels: readonly Label[]) {}

  /** Raises the count of the labels with these values, which stand in the labels' order. */
  raise(values: readonly string[]): void {
    let key = '';
    // Faster than join, and called for every command.
    for (const value of values) {
      key += `${value}\n`;
    }
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  /** Returns each count with its labels. */
  *entries(): Iterable<readonly [Record<Label, string>, number]> {
    for (const [key, count] of this.counts) {
      const values = key.split('\n');
      const labels = this.labels.map((label, position) => [label, values[position] ?? '']);
      yield [Object.fromEntries(labels) as Record<Label, string>, count];
    }
  }
}
