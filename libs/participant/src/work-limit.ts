/** Lets only so many pieces of work run at once; a bounded number of others wait for their turn. */
export class WorkLimit {
  #runningCount = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];

  constructor(private readonly max: { readonly running: number; readonly waiting: number }) {}

  /** Runs `work` in its turn, or returns undefined when too many wait already. */
  run<Result>(work: () => Promise<Result>): Promise<Result> | undefined {
    if (this.#runningCount < this.max.running) {
      return this.#start(work);
    }
    if (this.#waiting.length >= this.max.waiting) {
      return undefined;
    }
    return new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    }).then(() => this.#finishAfter(work));
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    if (this.#runningCount > 0) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
      });
    }
  }

  #start<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#runningCount += 1;
    return this.#finishAfter(work);
  }

  async #finishAfter<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  /** Who waits takes over the place of who ends. */
  #passOn(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#runningCount -= 1;
    if (this.#runningCount === 0) {
      for (const resolve of this.#idle.splice(0)) {
        resolve();
      }
    }
  }
}
