import { EventHeap, type SimulationEvent } from './event.heap.js';

/** Something planned that can be called off. */
export interface Planned {
  cancel(): void;
}

/** The longest of a million good runs has a tenth of it. */
const EVENT_COUNT_MAX = 300_000;

/** The real one: while a world is simulated, the global one belongs to it. */
const { setImmediate: nextTurn } = globalThis;

/** Node settles all promises between two immediates of one turn of its loop, and a turn costs more than an event. */
const EVENTS_PER_TURN = 32;

/**
 * Virtual time: it stands still while code runs, and then jumps to whatever comes next.
 *
 * Each event, with all promises that it settles, runs to its end before the next one: whatever an event starts belongs
 * to that event alone.
 */
export class Scheduler {
  nowMs = 0;
  private sleptMs = 0;
  eventCount = 0;
  private readonly heap = new EventHeap();
  private order = 0;

  /** What clocks show: the time, and all nights that have passed. */
  get clockMs(): number {
    return this.nowMs + this.sleptMs;
  }

  /** Moves all clocks on, as if everything had stood still: whatever is planned is as far away as before. */
  sleep(ms: number): void {
    this.sleptMs += ms;
  }

  /** Calls `run` at a time; a time that has passed is now. */
  at(atMs: number, run: () => void): Planned {
    this.order += 1;
    const event: SimulationEvent = {
      atMs: Math.max(atMs, this.nowMs),
      order: this.order,
      run,
      isCancelled: false,
    };
    this.heap.push(event);
    return {
      cancel: () => {
        event.isCancelled = true;
      },
    };
  }

  after(delayMs: number, run: () => void): Planned {
    return this.at(this.nowMs + delayMs, run);
  }

  /** Lets time pass until `isOver` says so after some event, or nothing is planned any more. */
  async runUntil(isOver: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let isSettled = false;
      const next = (): void => {
        if (isSettled) {
          return;
        }
        try {
          const event = isOver() ? undefined : this.takeNext();
          if (event === undefined) {
            isSettled = true;
            resolve();
            return;
          }
          this.nowMs = event.atMs;
          this.count();
          event.run();
        } catch (error) {
          isSettled = true;
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const nextFew = (): void => {
        next();
        if (!isSettled) {
          for (let count = 1; count < EVENTS_PER_TURN; count += 1) {
            nextTurn(next);
          }
          nextTurn(nextFew);
        }
      };
      nextTurn(nextFew);
    });
  }

  private count(): void {
    this.eventCount += 1;
    if (this.eventCount > EVENT_COUNT_MAX) {
      throw new Error(
        `Something goes round in circles: ${EVENT_COUNT_MAX} events, and it is ${this.nowMs} ms.`,
      );
    }
  }

  private takeNext(): SimulationEvent | undefined {
    let event = this.heap.pop();
    while (event?.isCancelled === true) {
      event = this.heap.pop();
    }
    return event;
  }
}
