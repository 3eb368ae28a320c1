import type { Clock } from '@atone/engine';

/** The attempts that have left and are not answered, until somebody gives them up. */
export class Unanswered {
  private readonly giveUpAt = new Map<string, number>();
  private onDrained: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  add(attempt: string, giveUpAt: number): void {
    this.forgetGivenUp();
    this.giveUpAt.set(attempt, giveUpAt);
  }

  remove(attempt: string): void {
    this.giveUpAt.delete(attempt);
    this.look();
  }

  /** Resolves when each is answered or given up. */
  async drained(): Promise<void> {
    const isOver = new Promise<void>((resolve) => {
      this.onDrained = resolve;
    });
    const nowMs = this.clock.now();
    const latestAt = [...this.giveUpAt.values()].reduce((latest, at) => Math.max(latest, at), nowMs);
    const timer = this.clock.setTimer(latestAt - nowMs, () => this.onDrained?.());
    this.look();
    await isOver;
    timer.cancel();
  }

  /** The oldest come first. One that may take longer than others keeps a few of them for a while. */
  private forgetGivenUp(): void {
    const nowMs = this.clock.now();
    for (const [attempt, giveUpAt] of this.giveUpAt) {
      if (giveUpAt > nowMs) {
        return;
      }
      this.giveUpAt.delete(attempt);
    }
  }

  private look(): void {
    if (this.giveUpAt.size === 0) {
      this.onDrained?.();
    }
  }
}
