import type { Random } from '@atone/core';
import type { ElapsedClock } from './client.ports.js';

export interface PassPorts {
  readonly clock: Pick<ElapsedClock, 'setTimer'>;
  readonly random: Pick<Random, 'next'>;
}

/** What is done again and again in the background. */
export interface PassWork {
  readonly everyMs: number;
  pass(): Promise<void>;
  /** Returns the pause that is drawn from after a pass; `failedCount` passes before it have failed, one after the other. */
  pauseMs(failedCount: number): number;
  /** Is told of each failure that is not the one before: an outage of an hour is one line, not 60. */
  tellFailure(message: string): void;
}

/** Passes of `work`, one at a time from `start` to `stop`, each after a pause between half and one and a half of what it says. */
export class RepeatedPasses {
  #isStopped = false;
  #timer: { cancel(): void } | undefined;
  #underWay: Promise<void> | undefined;
  #failedCount = 0;
  #lastFailure = '';

  constructor(
    private readonly work: PassWork,
    private readonly ports: PassPorts,
  ) {}

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Begins at a random moment of the first period: all instances of a service may start at once. */
  start(): void {
    if (this.#timer === undefined && !this.#isStopped) {
      this.#rest(this.work.everyMs * this.ports.random.next());
    }
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#underWay;
  }

  #rest(pauseMs: number): void {
    this.#timer = this.ports.clock.setTimer(pauseMs, () => {
      this.#underWay = this.#passAndRest();
    });
  }

  async #passAndRest(): Promise<void> {
    try {
      await this.work.pass();
      this.#failedCount = 0;
      this.#lastFailure = '';
    } catch (error) {
      this.#noteFailure(error);
    }
    if (!this.#isStopped) {
      this.#rest(this.work.pauseMs(this.#failedCount) * (0.5 + this.ports.random.next()));
    }
  }

  #noteFailure(error: unknown): void {
    this.#failedCount += 1;
    const message = error instanceof Error ? error.message : String(error);
    if (message !== this.#lastFailure) {
      this.#lastFailure = message;
      this.work.tellFailure(message);
    }
  }
}
