/** A piece of work that runs. */
export interface RunningWork<Subject> {
  readonly subject: Subject;
  readonly askedAt: number;
  readonly startedAt: number;
}

/** Lets only so many pieces of work run at once; a bounded number of others wait for their turn. */
export class WorkLimit<Subject> {
  /** In the order in which they started. */
  readonly #running = new Set<RunningWork<Subject>>();
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];

  constructor(
    /** `below`: how many may run with those that cannot wait, because what runs already waits for them. */
    private readonly max: { readonly running: number; readonly waiting: number; readonly below: number },
    private readonly now: () => number,
  ) {}

  /** Returns what has run for the longest time. */
  get oldest(): RunningWork<Subject> | undefined {
    const [oldest] = this.#running;
    return oldest;
  }

  /** Tells whether anything runs that is about such a subject. */
  isRunning(about: (subject: Subject) => boolean): boolean {
    for (const { subject } of this.#running) {
      if (about(subject)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Gives a place at once, past those that wait: for what something that runs waits for, which would never end otherwise.
   * Returns undefined when too much runs already. Who has a place has to `leave` it.
   */
  enterBelow(subject: Subject): RunningWork<Subject> | undefined {
    return this.#running.size < this.max.below ? this.#start(subject) : undefined;
  }

  /** Gives a place to work about `subject` in its turn, or returns undefined when too many wait already. Who has it has to `leave` it. */
  enter(subject: Subject): RunningWork<Subject> | Promise<RunningWork<Subject>> | undefined {
    if (this.#running.size < this.max.running) {
      return this.#start(subject);
    }
    if (this.#waiting.length >= this.max.waiting) {
      return undefined;
    }
    const askedAt = this.now();
    // Takes its place in the same turn in which it was called: nobody else must come in between.
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(this.#start(subject, askedAt)));
    });
  }

  /** Gives the place of what has ended to who waits for it. */
  leave(running: RunningWork<Subject>): void {
    this.#running.delete(running);
    this.#passOn();
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
      });
    }
  }

  #start(subject: Subject, askedAt?: number): RunningWork<Subject> {
    const startedAt = this.now();
    const running = { subject, askedAt: askedAt ?? startedAt, startedAt };
    this.#running.add(running);
    return running;
  }

  /** Who waits takes over the place of who ends, unless that one had no place of its own. */
  #passOn(): void {
    const next = this.#running.size < this.max.running ? this.#waiting.shift() : undefined;
    if (next !== undefined) {
      next();
      return;
    }
    if (this.#running.size === 0) {
      for (const resolve of this.#idle.splice(0)) {
        resolve();
      }
    }
  }
}
