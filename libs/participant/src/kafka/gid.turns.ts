/** Something to do for a gid. Which of the two ends it comes to is told, unless it is withdrawn. */
export interface Work<Result> {
  run(): Promise<Result>;
  done(result: Result): void;
  failed(error: unknown): void;
}

/** A piece of work that has its turn, or will have it. */
export class Turn<Result> {
  private state: 'waiting' | 'begun' | 'withdrawn' | 'left' = 'waiting';

  constructor(private readonly work: Work<Result>) {}

  /** Whether it never begins any more. */
  get isWithdrawn(): boolean {
    return this.state === 'withdrawn';
  }

  /** Whether nobody waits for it any more, though it runs. */
  get isLeft(): boolean {
    return this.state === 'left';
  }

  /** Has nobody wait for it any more: what has not begun never does. */
  leave(): 'withdrawn' | 'left' {
    this.state = this.state === 'waiting' || this.state === 'withdrawn' ? 'withdrawn' : 'left';
    return this.state;
  }

  /** Runs the work, and then what follows. Never rejects. */
  async take(after?: () => void): Promise<void> {
    this.state = 'begun';
    const { work } = this;
    try {
      work.done(await work.run());
    } catch (error) {
      work.failed(error);
    }
    after?.();
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

  begin(gid: string, work: Work<Result>): Turn<Result> {
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
      const turn = this.firstOf(gid);
      if (turn !== undefined) {
        this.runningCount += 1;
        void turn.take(() => this.endFirst(gid));
      }
    }
  }

  /** Passes over what was withdrawn. */
  private firstOf(gid: string): Turn<Result> | undefined {
    const line = this.lines.get(gid) ?? [];
    while (line[0]?.isWithdrawn === true) {
      line.shift();
    }
    if (line.length === 0) {
      this.lines.delete(gid);
    }
    return line[0];
  }

  private endFirst(gid: string): void {
    const line = this.lines.get(gid);
    line?.shift();
    this.runningCount -= 1;
    if (line === undefined || line.length === 0) {
      this.lines.delete(gid);
    } else {
      this.ready.push(gid);
    }
    this.pump();
  }
}
