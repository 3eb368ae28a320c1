import type { Clock, Timer } from '../clock.port.js';

interface ManualTimer {
  readonly at: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

/** A clock that stands still until a test moves it. Timers fire in the order of their time. */
export class ManualClock implements Clock {
  /** Latest first, so that the next one is taken from the end. Tests of many transactions have thousands of them. */
  private readonly timers: ManualTimer[] = [];

  constructor(private nowMs = 1_767_225_600_000) {}

  now(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer: ManualTimer = { at: this.nowMs + Math.max(0, delayMs), callback, isCancelled: false };
    this.timers.splice(this.placeOf(timer.at), 0, timer);
    return {
      cancel: () => {
        timer.isCancelled = true;
      },
    };
  }

  synchronize(): void {
    // A test's clock is the log's clock.
  }

  /** Moves time on; what becomes due on the way is called, and may set new timers that become due as well. */
  async advance(ms: number): Promise<void> {
    await settled();
    const until = this.nowMs + ms;
    for (let next = this.nextUpTo(until); next !== undefined; next = this.nextUpTo(until)) {
      this.nowMs = Math.max(this.nowMs, next.at);
      next.callback();
      // oxlint-disable-next-line no-await-in-loop -- one timer's consequences come before the next timer.
      await settled();
    }
    this.nowMs = until;
    await settled();
  }

  /** Takes the next timer out that is due by then. */
  private nextUpTo(until: number): ManualTimer | undefined {
    while (this.timers.at(-1)?.isCancelled === true) {
      this.timers.pop();
    }
    const next = this.timers.at(-1);
    return next !== undefined && next.at <= until ? this.timers.pop() : undefined;
  }

  /** Where a timer belongs: before those of the same instant, which are called first. */
  private placeOf(at: number): number {
    let low = 0;
    let high = this.timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.timers[middle]?.at ?? 0) > at) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

/** Lets everything that is already resolved run to its end. */
async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
