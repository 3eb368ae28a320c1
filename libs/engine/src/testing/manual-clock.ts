import type { Clock, Timer } from '../clock.port.js';

/** A clock that stands still until a test moves it. Timers fire in the order of their time. */
export class ManualClock implements Clock {
  private timers: { at: number; callback: () => void }[] = [];

  constructor(private nowMs = 1_767_225_600_000) {}

  now(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.nowMs + Math.max(0, delayMs), callback };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
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
      this.timers = this.timers.filter((timer) => timer !== next);
      next.callback();
      // oxlint-disable-next-line no-await-in-loop -- one timer's consequences come before the next timer.
      await settled();
    }
    this.nowMs = until;
    await settled();
  }

  private nextUpTo(until: number): { at: number; callback: () => void } | undefined {
    return this.timers.filter((timer) => timer.at <= until).toSorted((left, right) => left.at - right.at)[0];
  }
}

/** Lets everything that is already resolved run to its end. */
async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
