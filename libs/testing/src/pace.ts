import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Timer } from '@atone/engine';
import { Execution } from './execution.js';
import { currentWork } from './scene.js';
import { watchOver } from './still.time.js';
import type { VirtualClock } from './virtual.clock.js';
import type { Work } from './work.js';

/**
 * Lets virtual time pass while somebody waits for the coordinator, as fast as nothing is left to do.
 *
 * While a participant carries out a command time stands still, however long its database takes; unless its handler
 * itself waits for the coordinator.
 */
export class Pace {
  private waiterCount = 0;
  private isGoing = false;
  private readonly underWay = new Set<Work>();
  private sleepers: (() => void)[] = [];

  constructor(private readonly clock: VirtualClock) {}

  /** Lets time pass until `wait` is over. */
  async during<Result>(wait: Promise<Result>): Promise<Result> {
    const end = this.begin();
    try {
      return await wait;
    } finally {
      end();
    }
  }

  /** Lets time pass until the function that it returns is called. */
  begin(): () => void {
    const work = currentWork();
    this.waiterCount += 1;
    if (work !== undefined) {
      work.waitingCount += 1;
      this.wake();
    }
    void this.go();
    let isOver = false;
    return () => {
      if (isOver) {
        return;
      }
      isOver = true;
      this.waiterCount -= 1;
      if (work !== undefined) {
        work.waitingCount -= 1;
      }
    };
  }

  /** Lets time pass until `delayMs` have, and then calls `callback`, unless it is cancelled before. */
  timer(delayMs: number, callback: () => void): Timer {
    const end = this.begin();
    const timer = this.clock.setTimer(delayMs, () => {
      end();
      callback();
    });
    return {
      cancel: () => {
        timer.cancel();
        end();
      },
    };
  }

  /** Keeps time from passing while `work` is under way. */
  async hold<Result>(work: Work, carryOut: () => Promise<Result>): Promise<Result> {
    this.underWay.add(work);
    const callOff = work instanceof Execution ? watchOver(work) : undefined;
    try {
      return await carryOut();
    } finally {
      callOff?.();
      this.underWay.delete(work);
      this.wake();
    }
  }

  /** Moves time on, timer by timer. */
  async advance(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    await this.settle();
    while (this.clock.fireNext(until)) {
      // oxlint-disable-next-line no-await-in-loop -- one timer's consequences come before the next timer.
      await this.settle();
    }
    this.clock.moveTo(until);
    await this.settle();
  }

  /** Resolves when nothing is left to do at this instant. */
  async settle(): Promise<void> {
    await nextTurn();
    while (this.isBusy) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      await new Promise<void>((resolve) => {
        this.sleepers.push(resolve);
      });
      // oxlint-disable-next-line no-await-in-loop -- what the reply leads to may be the next command.
      await nextTurn();
    }
  }

  private wake(): void {
    for (const wakeUp of this.sleepers.splice(0)) {
      wakeUp();
    }
  }

  private get isBusy(): boolean {
    return [...this.underWay].some(({ waitingCount }) => waitingCount === 0);
  }

  private async go(): Promise<void> {
    if (this.isGoing) {
      return;
    }
    this.isGoing = true;
    await this.settle();
    while (this.waiterCount > 0) {
      this.clock.fireNext();
      // oxlint-disable-next-line no-await-in-loop -- one timer's consequences come before the next timer.
      await this.settle();
    }
    this.isGoing = false;
  }
}
