/** Wakes all who wait for the next time that something happens. Who stops waiting leaves nothing behind. */
export class Cue {
  private readonly waiting = new Set<(trouble?: unknown) => void>();

  /** How many wait. */
  get count(): number {
    return this.waiting.size;
  }

  /** Resolves with the next time. @throws what has gone wrong instead, or the reason of `late` if that comes first */
  async next(late: AbortSignal): Promise<void> {
    late.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const wake = (trouble?: unknown): void => {
        this.waiting.delete(wake);
        late.removeEventListener('abort', stop);
        if (trouble === undefined) {
          resolve();
        } else {
          reject(trouble);
        }
      };
      const stop = (): void => wake(late.reason);
      late.addEventListener('abort', stop);
      this.waiting.add(wake);
    });
  }

  /** Wakes them; with `trouble`, because it goes wrong. */
  fire(trouble?: unknown): void {
    [...this.waiting].forEach((wake) => wake(trouble));
  }
}
