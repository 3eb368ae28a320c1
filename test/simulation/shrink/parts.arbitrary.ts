import { Arbitrary, Stream, stream, Value } from 'fast-check';

/** Where the leaving out has come to: so many parts at a time, and all before `from` have been tried. */
interface Progress {
  readonly size: number;
  readonly from: number;
}

/**
 * The parts of something that fails, for fast-check to find the few that matter.
 *
 * It gives all of them, and shrinks by leaving out: all, one half or the other, quarters, and at last single ones
 * (delta debugging, Zeller and Hildebrandt 2002). What fast-check offers for subsets tries single parts from the start
 * after each success, which takes hundreds of runs where this takes dozens.
 */
export class PartsArbitrary<Part> extends Arbitrary<readonly Part[]> {
  constructor(private readonly parts: readonly Part[]) {
    super();
  }

  override generate(): Value<readonly Part[]> {
    return new Value(this.parts, { size: this.parts.length, from: 0 } satisfies Progress);
  }

  override canShrinkWithoutContext(_value: unknown): _value is readonly Part[] {
    return false;
  }

  override shrink(parts: readonly Part[], context: unknown): Stream<Value<readonly Part[]>> {
    return stream(withoutSome(parts, context as Progress));
  }
}

function* withoutSome<Part>(
  parts: readonly Part[],
  progress: Progress,
): IterableIterator<Value<readonly Part[]>> {
  let { from } = progress;
  for (let { size } = progress; size >= 1; size = Math.floor(size / 2)) {
    for (; from < parts.length; from += size) {
      const rest = [...parts.slice(0, from), ...parts.slice(from + size)];
      yield new Value<readonly Part[]>(rest, { size, from } satisfies Progress);
    }
    from = 0;
  }
}
