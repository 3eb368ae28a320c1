import type { Clock, Timer } from '@atone/engine';
import type { Scheduler } from './scheduler.js';
import type { Life } from './sim.process.js';

/** When simulated time begins, in ms since 1970. */
export const EPOCH_MS = 1_767_225_600_000;

/** A process's view of the log's time: what the log said last, and what has passed since; wrong until the log is asked. */
export class SimClock implements Clock {
  private offsetMs: number;

  constructor(
    private readonly life: Life,
    private readonly scheduler: Scheduler,
    skewMs: number,
  ) {
    this.offsetMs = EPOCH_MS + skewMs;
  }

  now(): number {
    return Math.floor(this.scheduler.clockMs + this.offsetMs);
  }

  synchronize(logNowMs: number): void {
    this.offsetMs = logNowMs - this.scheduler.clockMs;
  }

  /** The clock of this process is set to something else, by a hand that knows no better. */
  jump(byMs: number): void {
    this.offsetMs += byMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return this.life.after(Math.max(0, delayMs), callback);
  }
}

/** The clock of the log's database. */
export class LogClock {
  /** By how much it was set back altogether: so much longer a lease may live. */
  setBackMs = 0;
  private jumpedMs = 0;

  constructor(private readonly scheduler: Scheduler) {}

  now(): number {
    return Math.floor(this.scheduler.clockMs + EPOCH_MS + this.jumpedMs);
  }

  jump(byMs: number): void {
    this.jumpedMs += byMs;
    this.setBackMs += Math.max(0, -byMs);
  }
}
