/** It is read no more often than this, however many look: what is counted in the log takes the database a look at every live row. */
const READ_EVERY_MS = 5_000;

/** Who looks waits no longer, or would lose all the other metrics to a log that hangs. */
const WAIT_MS = 2_000;

interface ReadingOptions<Answer> {
  readonly read: () => Promise<Answer>;
  /** A clock that nobody sets. */
  readonly nowMs?: (() => number) | undefined;
  readonly waitMs?: number | undefined;
}

/** What takes an effort to read, for those who look often. */
export class SharedReading<Answer> {
  private reading: Promise<Answer | undefined> | undefined;
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ReadingOptions<Answer>) {}

  /** Returns what was read no more than five seconds ago, or undefined when it cannot be read now. */
  async latest(): Promise<Answer | undefined> {
    const { nowMs = () => performance.now(), waitMs = WAIT_MS } = this.options;
    if (this.reading === undefined || nowMs() - this.readAt >= READ_EVERY_MS) {
      this.readAt = nowMs();
      this.reading = this.options.read().catch(() => undefined);
    }
    return withinMs(this.reading, waitMs);
  }
}

async function withinMs<Answer>(answer: Promise<Answer>, waitMs: number): Promise<Answer | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), waitMs);
  });
  try {
    return await Promise.race([answer, patience]);
  } finally {
    clearTimeout(timer);
  }
}
