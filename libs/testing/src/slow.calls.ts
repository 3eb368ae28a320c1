import type { Clock } from '@atone/engine';
import type { BranchCommand } from '@atone/protocol';

/**
 * Calls that take long. What comes for the same branch meanwhile waits for them, as it would for the row of the barrier
 * that the first one has locked.
 */
export class SlowCalls {
  /** By branch: when its slow call ends. */
  private readonly ends = new Map<string, number>();
  private isForgotten = false;

  constructor(private readonly clock: Pick<Clock, 'now' | 'setTimer'>) {}

  /** Whether any is under way. */
  get areUnderWay(): boolean {
    return [...this.ends.values()].some((end) => end > this.clock.now());
  }

  /** Has calls to the branch of `command` take `ms` from now on, unless one takes long already. Tells whether that is so. */
  begin(command: BranchCommand, ms: number): boolean {
    if (this.leftMs(command) > 0) {
      return false;
    }
    this.ends.set(keyOf(command), this.clock.now() + ms);
    return true;
  }

  /** Resolves when nothing slow is under way at the branch of `command`; returns undefined where nothing is. */
  over(command: BranchCommand): Promise<void> | undefined {
    const leftMs = this.leftMs(command);
    if (leftMs <= 0) {
      return undefined;
    }
    return new Promise((resolve) => {
      this.clock.setTimer(leftMs, () => {
        if (!this.isForgotten) {
          resolve();
        }
      });
    });
  }

  /** Has nothing come of what is under way. */
  forget(): void {
    this.isForgotten = true;
  }

  private leftMs(command: BranchCommand): number {
    return (this.ends.get(keyOf(command)) ?? 0) - this.clock.now();
  }
}

function keyOf({ gid, branchId }: BranchCommand): string {
  return `${gid} ${branchId}`;
}
