/** Partitions are added rarely, and to know of it late does no harm. */
const FRESH_MS = 60_000;

/** To ask again sooner about what is not there would be vain, and costs connections. */
const NEWS_MS = 1_000;

interface Known {
  /** 0 if there is no such topic. */
  readonly count: number;
  readonly askedAt: number;
  /** Whether it was asked although it was known, or does not exist. */
  readonly isConfirmed: boolean;
}

/** Remembers how many partitions topics have; of those that do not exist for a moment only. */
export class TopicCounts {
  private readonly known = new Map<string, Known>();
  private refreshing: Promise<void> | undefined;

  constructor(
    private readonly ask: (topics: readonly string[]) => Promise<ReadonlyMap<string, number>>,
    private readonly now = (): number => performance.now(),
  ) {}

  /**
   * Returns how many partitions a topic has, 0 if it does not exist, and undefined where somebody has to ask. What was known for long is
   * asked anew meanwhile.
   */
  of(topic: string): number | undefined {
    const known = this.known.get(topic);
    const ageMs = known === undefined ? 0 : this.now() - known.askedAt;
    if (known?.count === 0 && ageMs > NEWS_MS) {
      this.known.delete(topic);
      return undefined;
    }
    if (ageMs > FRESH_MS) {
      this.refresh();
    }
    return known?.count;
  }

  /** Whether it was asked just now because what was known was doubted, so that the answer would be the same. */
  isNews(topic: string): boolean {
    const known = this.known.get(topic);
    return known !== undefined && known.isConfirmed && this.now() - known.askedAt <= NEWS_MS;
  }

  /** Asks about these topics. */
  async learn(topics: readonly string[]): Promise<void> {
    const counts = await this.ask(topics);
    const askedAt = this.now();
    for (const topic of topics) {
      const count = counts.get(topic) ?? 0;
      this.known.set(topic, { count, askedAt, isConfirmed: count === 0 || this.known.has(topic) });
    }
  }

  /** Asks anew the next time. */
  forget(topics: Iterable<string>): void {
    for (const topic of topics) {
      this.known.delete(topic);
    }
  }

  private refresh(): void {
    const oldestFresh = this.now() - FRESH_MS;
    const stale = [...this.known].filter(([, { askedAt }]) => askedAt < oldestFresh).map(([topic]) => topic);
    this.refreshing ??= this.learn(stale)
      .catch(() => undefined)
      .finally(() => {
        this.refreshing = undefined;
      });
  }
}
