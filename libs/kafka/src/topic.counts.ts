/** Partitions are added rarely, and to know of it late does no harm. */
const FRESH_MS = 60_000;

interface Known {
  readonly count: number;
  readonly askedAt: number;
}

/** Remembers how many partitions topics have. */
export class TopicCounts {
  private readonly known = new Map<string, Known>();
  private refreshing: Promise<void> | undefined;

  constructor(private readonly ask: (topics: readonly string[]) => Promise<ReadonlyMap<string, number>>) {}

  /** Returns it for each of these topics that exists. Does not wait for news about what is known. */
  async of(topics: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    const wanted = [...new Set(topics)];
    const unknown = wanted.filter((topic) => !this.known.has(topic));
    if (unknown.length > 0) {
      await this.learn(unknown);
    }
    const oldestFresh = performance.now() - FRESH_MS;
    const stale = wanted.filter((topic) => (this.known.get(topic)?.askedAt ?? oldestFresh) < oldestFresh);
    if (stale.length > 0) {
      this.refreshing ??= this.learn(stale)
        .catch(() => undefined)
        .finally(() => {
          this.refreshing = undefined;
        });
    }
    return new Map(
      wanted.flatMap((topic) => {
        const known = this.known.get(topic);
        return known === undefined ? [] : [[topic, known.count] as const];
      }),
    );
  }

  /** Asks anew the next time. */
  forget(topics: Iterable<string>): void {
    for (const topic of topics) {
      this.known.delete(topic);
    }
  }

  private async learn(topics: readonly string[]): Promise<void> {
    const counts = await this.ask(topics);
    const askedAt = performance.now();
    for (const topic of topics) {
      const count = counts.get(topic) ?? 0;
      if (count > 0) {
        this.known.set(topic, { count, askedAt });
      } else {
        this.known.delete(topic);
      }
    }
  }
}
