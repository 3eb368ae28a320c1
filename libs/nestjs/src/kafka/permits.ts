/** Lets so many pieces of work run at once; the others wait, in the order in which they came. */
export class Permits {
  private readonly waiting: (() => void)[] = [];
  private runningCount = 0;

  constructor(private readonly countMax: number) {}

  async within<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.runningCount < this.countMax) {
      this.runningCount += 1;
    } else {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
      });
    }
    try {
      return await work();
    } finally {
      this.passOn();
    }
  }

  /** Who waits gets the permit itself, so that nobody comes between. */
  private passOn(): void {
    const next = this.waiting.shift();
    if (next === undefined) {
      this.runningCount -= 1;
    } else {
      next();
    }
  }
}
