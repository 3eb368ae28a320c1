import type { Clock, Timer } from '@atone/engine';

/** setTimeout counts in 32 bits; past it a timer would go off at once. */
const TIMER_MS_MAX = 2_147_483_647;

/**
 * The log's clock, as this process knows it: what the log said last, and the time that has passed since by a clock
 * which nobody sets.
 *
 * Before the log has said anything it is this machine's time, by which nothing is decided: an engine starts with
 * asking the log.
 */
export class SystemClock implements Clock {
  private logMinusElapsedMs = performance.timeOrigin;

  now(): number {
    return Math.floor(this.logMinusElapsedMs + performance.now());
  }

  synchronize(logNowMs: number): void {
    this.logMinusElapsedMs = logNowMs - performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return new SystemTimer(delayMs, callback);
  }
}

/** A timer for however long, by timers that last as long as they may. */
class SystemTimer implements Timer {
  private leftMs: number;
  private handle: NodeJS.Timeout;

  constructor(
    delayMs: number,
    private readonly callback: () => void,
  ) {
    this.leftMs = Math.max(0, delayMs);
    this.handle = this.nextStretch();
  }

  cancel(): void {
    clearTimeout(this.handle);
  }

  private nextStretch(): NodeJS.Timeout {
    const stretchMs = Math.min(this.leftMs, TIMER_MS_MAX);
    this.leftMs -= stretchMs;
    return this.leftMs > 0
      ? setTimeout(() => {
          this.handle = this.nextStretch();
        }, stretchMs)
      : setTimeout(this.callback, stretchMs);
  }
}
