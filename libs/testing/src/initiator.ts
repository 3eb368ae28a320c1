/** The process that leads transactions. Once dead it is told nothing any more, and nobody hears of it. */
export class Initiator {
  isDead = false;
  private tellDeath: () => void = () => undefined;
  /** Resolves when it dies. */
  readonly death: Promise<void>;

  constructor() {
    this.death = new Promise((resolve) => {
      this.tellDeath = resolve;
    });
  }

  /** Ends it without a word. */
  die(): void {
    this.isDead = true;
    this.tellDeath();
  }
}

/** What a run of everyCrashPoint has thrown, as it were, when its initiator was made to crash: it never returned. */
export class InitiatorCrashedError extends Error {
  override readonly name = 'InitiatorCrashedError';

  constructor() {
    super('The initiator crashed, because the test wants it: its method never returned.');
  }
}
