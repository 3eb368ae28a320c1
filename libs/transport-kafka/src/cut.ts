/** Ends what is waited for in vain. It lives for long: what has ended leaves nothing behind with it. */
export class Cut {
  private readonly waiting = new Set<(error: Error) => void>();
  private isMade = false;

  /** How much is waited for. */
  get count(): number {
    return this.waiting.size;
  }

  /** Settles as `work` does. @throws when the cut is made before that */
  async orMade(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown): void => {
        this.waiting.delete(settle);
        if (error === undefined) {
          resolve();
        } else {
          reject(error);
        }
      };
      this.waiting.add(settle);
      work.then(
        () => settle(),
        (error: unknown) => settle(error),
      );
      if (this.isMade) {
        settle(tooLate());
      }
    });
  }

  make(): void {
    this.isMade = true;
    [...this.waiting].forEach((settle) => settle(tooLate()));
  }
}

function tooLate(): Error {
  return new Error('The transport was closed before the log had answered.');
}
