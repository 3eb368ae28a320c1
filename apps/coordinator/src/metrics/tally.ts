/** What was counted under the values of some labels, and under those and the next one. */
interface Place {
  count: number;
  readonly below: Map<string, Place>;
}

/**
 * Counts by labels. To raise a count costs a look into a map for each label and no more, since it is done for every command; whoever
 * shows the counts reads them when asked.
 */
export class Tally<Label extends string> {
  private readonly root = newPlace();

  constructor(readonly labels: readonly Label[]) {}

  /** Raises the count of the labels with these values, which stand in the labels' order. */
  raise(...values: readonly string[]): void {
    let place = this.root;
    for (const value of values) {
      place = placeBelow(place, value);
    }
    place.count += 1;
  }

  /** Returns each count with its labels. */
  *entries(): Iterable<readonly [Record<Label, string>, number]> {
    for (const [values, count] of countsBelow(this.root, [])) {
      const labels = this.labels.map((label, position) => [label, values[position] ?? '']);
      yield [Object.fromEntries(labels) as Record<Label, string>, count];
    }
  }
}

function newPlace(): Place {
  return { count: 0, below: new Map() };
}

function placeBelow({ below }: Place, value: string): Place {
  const known = below.get(value);
  if (known !== undefined) {
    return known;
  }
  const place = newPlace();
  below.set(value, place);
  return place;
}

function* countsBelow(
  { count, below }: Place,
  values: readonly string[],
): Iterable<readonly [readonly string[], number]> {
  if (count > 0) {
    yield [values, count];
  }
  for (const [value, place] of below) {
    yield* countsBelow(place, [...values, value]);
  }
}
