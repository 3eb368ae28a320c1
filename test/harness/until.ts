/** A condition that does not come within this will not come at all, even on a busy machine. */
const PATIENCE_MS = 15_000;

const PAUSE_MS = 20;

type Falsy = false | undefined | null | '' | 0;

/**
 * Asks until `question` is answered by something, and returns that.
 *
 * @throws Error naming `what` when it never is.
 */
export async function until<Answer>(
  what: string,
  question: () => Answer | Falsy | Promise<Answer | Falsy>,
  patienceMs = PATIENCE_MS,
): Promise<Answer> {
  const givesUpAt = performance.now() + patienceMs;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
    const answer = await question();
    if (answer) {
      return answer;
    }
    if (performance.now() > givesUpAt) {
      throw new Error(`Waited ${patienceMs / 1_000} s in vain until ${what}.`);
    }
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
  }
}

/** A door that a test opens, and for which others wait. */
export class Gate {
  readonly passage: Promise<void>;
  isOpen = false;
  private readonly settle: () => void;

  constructor() {
    let settle: (() => void) | undefined;
    this.passage = new Promise((resolve) => {
      settle = resolve;
    });
    this.settle = () => settle?.();
  }

  open(): void {
    this.isOpen = true;
    this.settle();
  }
}
