/** A piece of work that runs. */
export interface RunningWork<Subject> {
  readonly subject: Subject;
  readonly askedAt: number;
  readonly startedAt: number;
}

/** Work whose end somebody waits for. */
interface Awaited<Subject> {
  readonly running: Set<RunningWork<Subject>>;
  /** How many of those that waited then have not begun yet. */
  waitingCount: number;
  readonly resolve: () => void;
}

/** Lets only so many pieces of work run at once; a bounded number of others wait for their turn. */
export class WorkLimit<Subject> {
  /** In the order in which they started. */
  readonly #running = new Set<RunningWork<Subject>>();
  readonly #waiting: (() => void)[] = [];
  readonly #awaited = new Set<Awaited<Subject>>();

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
      this.#waiting.push(() => resolve(this.#startInTurn(subject, askedAt)));
    });
  }

  /** Gives the place of what has ended to who waits for it. */
  leave(running: RunningWork<Subject>): void {
    this.#running.delete(running);
    this.#passOn();
    for (const awaited of this.#awaited) {
      awaited.running.delete(running);
      this.#resolveIfOver(awaited);
    }
  }

  /** Resolves when all that runs or waits now has left. What begins later is not waited for: under a steady load there is always something. */
  async idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      const awaited = { running: new Set(this.#running), waitingCount: this.#waiting.length, resolve };
      this.#awaited.add(awaited);
      this.#resolveIfOver(awaited);
    });
  }

  #resolveIfOver(awaited: Awaited<Subject>): void {
    if (awaited.running.size === 0 && awaited.waitingCount === 0) {
      this.#awaited.delete(awaited);
      awaited.resolve();
    }
  }

  /** Who has waited begins before all who came later. */
  #startInTurn(subject: Subject, askedAt: number): RunningWork<Subject> {
    const running = this.#start(subject, askedAt);
    for (const awaited of this.#awaited) {
      if (awaited.waitingCount > 0) {
        awaited.waitingCount -= 1;
        awaited.running.add(running);
      }
    }
    return running;
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
    next?.();
  }
}
