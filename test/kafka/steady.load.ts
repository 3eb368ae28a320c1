import { until } from '../harness/until.js';

/** Twenty a second: a fault may take half a minute, and is to find work at any moment. */
const EVERY_MS = 50;

/** More would wait for each other. */
const UNDER_WAY_MAX = 128;

/** Longer than any fault is felt, on a machine with a dozen other programs. */
const PATIENCE_MS = 150_000;

export interface LoadOptions<Work, Told> {
  readonly works: readonly Work[];
  /** Settles when it has ended. */
  readonly begin: (work: Work) => Promise<Told>;
  /** Returns, in sentences, what is to be seen of those that do not end. */
  readonly remains: () => Promise<readonly string[]>;
}

/** Work that keeps coming while faults happen. */
export class SteadyLoad<Work, Told> {
  /** What was told of each that has ended. */
  readonly told: Told[] = [];
  begunCount = 0;
  private readonly complaints: unknown[] = [];
  private readonly queue: IterableIterator<Work>;
  private ticker: NodeJS.Timeout | undefined;

  constructor(private readonly options: LoadOptions<Work, Told>) {
    this.queue = options.works.values();
  }

  /** Begins one after the other, until `end`. */
  start(): void {
    this.ticker = setInterval(() => this.burst(1), EVERY_MS);
  }

  /** Begins so many at once, or as many as may be under way. */
  burst(count: number): void {
    const free = UNDER_WAY_MAX - (this.begunCount - this.told.length);
    for (let rest = Math.min(count, free); rest > 0; rest -= 1) {
      this.beginOne();
    }
  }

  /** Waits until so many more have ended. */
  async ended(more: number): Promise<void> {
    const goal = this.told.length + more;
    await this.waitFor(`${more} more have ended`, () => this.told.length >= goal);
  }

  /** Begins no more, and waits until all have ended. */
  async end(): Promise<void> {
    this.halt();
    await this.waitFor('all have ended', () => this.told.length === this.begunCount);
  }

  /** Begins no more, and waits for nothing. */
  halt(): void {
    clearInterval(this.ticker);
  }

  /** @throws Error that tells what is left */
  async waitFor(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    try {
      await until(
        what,
        async () => {
          this.complain();
          return isSo();
        },
        PATIENCE_MS,
      );
    } catch (cause) {
      const underWay = `${this.begunCount - this.told.length} of ${this.begunCount} are under way`;
      throw new Error([String(cause), underWay, ...(await this.options.remains())].join('\n'), { cause });
    }
  }

  private beginOne(): void {
    const { value: work } = this.queue.next() as IteratorResult<Work, undefined>;
    if (work === undefined) {
      this.complaints.push(new Error('There is not enough work for so long a run.'));
      this.halt();
      return;
    }
    this.begunCount += 1;
    this.options.begin(work).then(
      (told) => this.told.push(told),
      (error: unknown) => this.complaints.push(error),
    );
  }

  private complain(): void {
    if (this.complaints.length > 0) {
      throw this.complaints[0];
    }
  }
}
