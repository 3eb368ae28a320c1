import { EventHeap, type SimulationEvent } from './event.heap.js';

/** Something planned that can be called off. */
export interface Planned {
  cancel(): void;
}

/**
 * Virtual time: it stands still while code runs, and then jumps to whatever comes next.
 *
 * Each event, with all promises that it settles, runs to its end before the next one: whatever an event starts belongs
 * to that event alone.
 */
export class Scheduler {
  nowMs = 0;
  eventCount = 0;
  private readonly heap = new EventHeap();
  private order = 0;

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
      const next = (): void => {
        try {
          const event = isOver() ? undefined : this.takeNext();
          if (event === undefined) {
            resolve();
            return;
          }
          this.nowMs = event.atMs;
          this.eventCount += 1;
          event.run();
          setImmediate(next);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      setImmediate(next);
    });
  }

  private takeNext(): SimulationEvent | undefined {
    let event = this.heap.pop();
    while (event?.isCancelled === true) {
      event = this.heap.pop();
    }
    return event;
  }
}
