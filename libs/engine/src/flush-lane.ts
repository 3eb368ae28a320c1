import type { Clock, Timer } from './clock.port.js';

export interface FlushLaneOptions<Item> {
  readonly clock: Clock;
  /** The most items that go into one flush. */
  readonly countMax: number;
  /** How long an item that nobody waits for may stay behind. */
  readonly lagMs: number;
  /**
   * How many writers there are that may be about to add something. Absent where nobody knows: then as many are expected as
   * were together here of late.
   */
  readonly crowd?: (() => number) | undefined;
  /** What one flush may write only once; the second write of it waits for the next flush. Default: anything goes. */
  readonly subjectOf?: ((item: Item) => string) | undefined;
}

/** A flush waits for company until this share of the crowd has come… */
const COMPANY_SHARE = 1 / 8;

/** …but no longer than this, and only if, at the rate of late, that many will have come by then. */
const COMPANY_WAIT_MS = 20;

/** After such a pause nothing is known of the rate, and nobody waits. */
const IDLE_MS = 100;

/** What is left, after another flush, of how many were together. */
const TOGETHER_DECAY = 0.95;

interface Waiting<Item, Answer> {
  readonly item: Item;
  isUrgent: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers writes: while one flush is under way the next one fills, and an idle lane flushes at once.
 *
 * So a single write waits for nothing, and under load many share one commit. At most one flush is under way. Where
 * many writers are about, a flush waits a little for company, because a fast disk would otherwise take them one by one.
 * Items that are not urgent wait for an urgent one, a full batch or `lagMs`, whichever comes first.
 */
export class FlushLane<Item, Answer> {
  private queue: Waiting<Item, Answer>[] = [];
  private urgentCount = 0;
  private isFlushing = false;
  private isScheduled = false;
  private timer: { readonly timer: Timer; readonly at: number } | undefined;
  private itemsPerMs = 0;
  private flushedAt = 0;
  private togetherCount = 0;

  constructor(
    private readonly flush: (items: readonly Item[]) => Promise<readonly Answer[]>,
    private readonly options: FlushLaneOptions<Item>,
  ) {}

  /** Settles when the flush that held the item has. A failed flush rejects all of its items. */
  add(item: Item, isUrgent = true): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.queue.push({ item, isUrgent, resolve, reject });
      this.urgentCount += isUrgent ? 1 : 0;
      this.schedule();
    });
  }

  /** Has what nobody waited for so far go with the next flush, as if it were urgent. */
  hurry(): void {
    if (this.queue.length > this.urgentCount) {
      this.urgentCount = this.queue.length;
      for (const waiting of this.queue) {
        waiting.isUrgent = true;
      }
      this.schedule();
    }
  }

  private schedule(): void {
    if (this.isFlushing || this.isScheduled || this.queue.length === 0) {
      return;
    }
    if (this.queue.length >= this.options.countMax || (this.urgentCount > 0 && this.hasCompany())) {
      this.isScheduled = true;
      // What is added in the same breath goes along.
      queueMicrotask(() => {
        this.isScheduled = false;
        this.flushNext();
      });
    } else {
      this.flushWithin(this.urgentCount > 0 ? COMPANY_WAIT_MS : this.options.lagMs);
    }
  }

  private hasCompany(): boolean {
    const { clock, crowd } = this.options;
    const expected = crowd === undefined ? this.togetherCount : crowd() * COMPANY_SHARE;
    return (
      this.queue.length >= Math.min(expected, this.itemsPerMs * COMPANY_WAIT_MS) ||
      clock.now() - this.flushedAt > IDLE_MS
    );
  }

  /** A timer that is set for earlier stays. */
  private flushWithin(ms: number): void {
    const at = this.options.clock.now() + ms;
    if (this.timer !== undefined && this.timer.at <= at) {
      return;
    }
    this.timer?.timer.cancel();
    const timer = this.options.clock.setTimer(ms, () => {
      this.timer = undefined;
      this.flushNext();
    });
    this.timer = { timer, at };
  }

  private flushNext(): void {
    if (this.isFlushing || this.queue.length === 0) {
      return;
    }
    this.timer?.timer.cancel();
    this.timer = undefined;
    this.isFlushing = true;
    const batch = this.takeBatch();
    this.urgentCount = this.queue.filter((waiting) => waiting.isUrgent).length;
    this.measure(batch.length);
    void this.flushBatch(batch);
  }

  private takeBatch(): readonly Waiting<Item, Answer>[] {
    const { countMax, subjectOf } = this.options;
    if (subjectOf === undefined) {
      return this.queue.splice(0, countMax);
    }
    const subjects = new Set<string>();
    const batch: Waiting<Item, Answer>[] = [];
    const staying: Waiting<Item, Answer>[] = [];
    for (const waiting of this.queue) {
      const subject = subjectOf(waiting.item);
      const fits = batch.length < countMax && !subjects.has(subject);
      (fits ? batch : staying).push(waiting);
      subjects.add(subject);
    }
    this.queue = staying;
    return batch;
  }

  private measure(count: number): void {
    const now = this.options.clock.now();
    const itemsPerMs = count / Math.max(1, now - this.flushedAt);
    this.itemsPerMs = (this.itemsPerMs + itemsPerMs) / 2;
    this.flushedAt = now;
  }

  private async flushBatch(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.flush(batch.map((waiting) => waiting.item));
      batch.forEach((waiting, position) => {
        // The port promises one answer for each item.
        waiting.resolve(answers[position] as Answer);
      });
    } catch (error) {
      for (const waiting of batch) {
        waiting.reject(error);
      }
    } finally {
      this.isFlushing = false;
      // One writer alone is never more than one, and so waits for nobody, however fast it comes back.
      this.togetherCount = Math.max(this.togetherCount * TOGETHER_DECAY, batch.length + this.queue.length);
      this.schedule();
    }
  }
}
