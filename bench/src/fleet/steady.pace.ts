import { performance } from 'node:perf_hooks';
import type { SagaClient } from '../saga.client.js';

const PACE_MS = 10;

/** Submits so many sagas a second, however long they take: else those that wait for a partition would stop all others. */
export class SteadyPace {
  private readonly timer: NodeJS.Timeout;
  private readonly underWay = new Set<Promise<void>>();
  private owed = 0;
  private paidAt = performance.now();
  private failure: unknown;

  constructor(
    private readonly client: SagaClient,
    private readonly rate: number,
  ) {
    this.timer = setInterval(() => this.pay(), PACE_MS);
  }

  /** @throws what went wrong since the beginning. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.underWay);
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }

  private pay(): void {
    const now = performance.now();
    this.owed += ((now - this.paidAt) / 1_000) * this.rate;
    this.paidAt = now;
    for (; this.owed >= 1; this.owed -= 1) {
      const submission = this.client
        .submit()
        .catch((error: unknown) => {
          this.failure ??= error;
        })
        .finally(() => this.underWay.delete(submission));
      this.underWay.add(submission);
    }
  }
}
