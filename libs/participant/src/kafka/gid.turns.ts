/** A piece of work that has its turn, or will have it. */
export class Turn<Result> {
  /** Settles as the work does; undefined when it was withdrawn. */
  readonly result: Promise<Result | undefined>;
  /** Whether nobody waits for it any more, though it runs. */
  isLeft = false;
  private state: 'waiting' | 'begun' | 'withdrawn' = 'waiting';
  private settle: (result: Promise<Result> | undefined) => void = () => undefined;

  constructor(private readonly work: () => Promise<Result>) {
    this.result = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Sees to it that the work never begins. Returns false if it has begun. */
  withdraw(): boolean {
    if (this.state === 'waiting') {
      this.state = 'withdrawn';
      this.settle(undefined);
    }
    return this.state === 'withdrawn';
  }

  /** Runs the work, unless it was withdrawn. Never rejects. */
  async take(): Promise<void> {
    if (this.state === 'waiting') {
      this.state = 'begun';
      const running = this.work();
      this.settle(running);
      await running.catch(() => undefined);
    }
  }
}

/** Lets the work of one gid run in order, and that of different ones at the same time, but not of too many. */
export class GidTurns<Result> {
  private readonly lines = new Map<string, Turn<Result>[]>();
  private readonly ready: string[] = [];
  private runningCount = 0;

  constructor(private readonly runningCountMax: number) {}

  /** Tells whether the gid's first work runs and nobody waits for it any more. */
  isBlocked(gid: string): boolean {
    return this.lines.get(gid)?.[0]?.isLeft === true;
  }

  begin(gid: string, work: () => Promise<Result>): Turn<Result> {
    const turn = new Turn(work);
    const line = this.lines.get(gid);
    if (line === undefined) {
      this.lines.set(gid, [turn]);
      this.ready.push(gid);
      this.pump();
    } else {
      line.push(turn);
    }
    return turn;
  }

  private pump(): void {
    while (this.runningCount < this.runningCountMax && this.ready.length > 0) {
      const gid = this.ready.shift() ?? '';
      this.runningCount += 1;
      void this.runFirst(gid);
    }
  }

  private async runFirst(gid: string): Promise<void> {
    const line = this.lines.get(gid) ?? [];
    await line[0]?.take();
    this.runningCount -= 1;
    line.shift();
    if (line.length > 0) {
      this.ready.push(gid);
    } else {
      this.lines.delete(gid);
    }
    this.pump();
  }
}
