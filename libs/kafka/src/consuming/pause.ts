/** A pause that can be cut short. */
export class Pauses {
  private readonly waking = new Set<() => void>();
  private isOver = false;

  /** Waits for so long, or until `end` was called. */
  async pause(ms: number): Promise<void> {
    if (this.isOver) {
      return;
    }
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waking.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.waking.add(wake);
    });
  }

  /** Ends all pauses, also those to come. */
  end(): void {
    this.isOver = true;
    [...this.waking].forEach((wake) => wake());
  }
}
