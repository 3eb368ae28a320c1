import type { Clock, Timer } from '@atone/engine';
import { systemClock, type ParticipantClock } from '@atone/participant';

interface VirtualTimer extends Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until it is moved. It begins at the real time: rows in the database of a service that were
 * made by other tests must not come from its future.
 */
export class VirtualClock implements Clock, ParticipantClock {
  private timers: VirtualTimer[] = [];

  constructor(private nowMs = Date.now()) {}

  now(): number {
    return this.nowMs;
  }

  instant(ms: number): Date {
    return systemClock.instant(ms);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer: VirtualTimer = {
      at: this.nowMs + Math.max(0, delayMs),
      callback,
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    };
    // Behind those of the same instant: timers are called in the order in which they were set.
    const position = this.timers.findIndex((other) => other.at > timer.at);
    this.timers.splice(position === -1 ? this.timers.length : position, 0, timer);
    return timer;
  }

  synchronize(): void {
    // The log has no other clock.
  }

  /** Moves to the next timer and calls it, unless that is after `untilMs`. Tells whether there was one. */
  fireNext(untilMs = Number.POSITIVE_INFINITY): boolean {
    const [next] = this.timers;
    if (next === undefined || next.at > untilMs) {
      return false;
    }
    this.timers = this.timers.slice(1);
    this.moveTo(next.at);
    next.callback();
    return true;
  }

  /** Moves on, never back. */
  moveTo(ms: number): void {
    this.nowMs = Math.max(this.nowMs, ms);
  }
}
