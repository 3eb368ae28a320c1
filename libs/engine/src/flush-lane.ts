import type { Clock, Timer } from './clock.port.js';

export interface FlushLaneOptions {
  readonly clock: Clock;
  /** The most items that go into one flush. */
  readonly countMax: number;
  /** How long an item that nobody waits for may stay behind. */
  readonly lagMs: number;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly isUrgent: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers writes: while one flush is under way the next one fills, and an idle lane flushes at once.
 *
 * So a single write waits for nothing, and under load many share one commit. At most one flush is under way. Items
 * that are not urgent wait for an urgent one, a full batch or `lagMs`, whichever comes first.
 */
export class FlushLane<Item, Answer> {
  private queue: Waiting<Item, Answer>[] = [];
  private isFlushing = false;
  private lag: Timer | undefined;

  constructor(
    private readonly flush: (items: readonly Item[]) => Promise<readonly Answer[]>,
    private readonly options: FlushLaneOptions,
  ) {}

  /** Settles when the flush that held the item has. A failed flush rejects all of its items. */
  async add(item: Item, isUrgent = true): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.queue.push({ item, isUrgent, resolve, reject });
      if (isUrgent && !this.isFlushing) {
        // What is added in the same breath goes along.
        queueMicrotask(() => {
          this.flushNext();
        });
      } else if (!this.isFlushing) {
        this.flushOrLag();
      }
    });
  }

  private flushOrLag(): void {
    if (this.queue.length >= this.options.countMax || this.queue.some((waiting) => waiting.isUrgent)) {
      this.flushNext();
    } else if (this.queue.length > 0) {
      this.lag ??= this.options.clock.setTimer(this.options.lagMs, () => {
        this.lag = undefined;
        this.flushNext();
      });
    }
  }

  private flushNext(): void {
    if (this.isFlushing || this.queue.length === 0) {
      return;
    }
    this.lag?.cancel();
    this.lag = undefined;
    this.isFlushing = true;
    void this.flushBatch(this.queue.splice(0, this.options.countMax));
  }

  private async flushBatch(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.flush(batch.map((waiting) => waiting.item));
      for (const [position, waiting] of batch.entries()) {
        // The port promises one answer for each item.
        waiting.resolve(answers[position] as Answer);
      }
    } catch (error) {
      for (const waiting of batch) {
        waiting.reject(error);
      }
    } finally {
      this.isFlushing = false;
      this.flushOrLag();
    }
  }
}
