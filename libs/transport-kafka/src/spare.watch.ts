import type { Clock, Timer } from '@atone/engine';

/** Partitions change hands for longer than that only while brokers fail. */
const SPARE_AFTER_MS = 10_000;

/** Tells who has been left without a partition, though it belongs to the group. */
export class SpareWatch {
  isSpare = false;
  private isMember = false;
  private partitionCount = 0;
  private isEnded = false;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Pick<Clock, 'setTimer'>,
    private readonly onChange: (isSpare: boolean) => void,
  ) {}

  holds(partitionCount: number): void {
    this.partitionCount = partitionCount;
    this.look();
  }

  /** Who has left the group for as long is not spare any more: perhaps nobody reads anything. */
  belongs(isMember: boolean): void {
    this.isMember = isMember;
    this.look();
  }

  /** Nothing changes any more. */
  end(): void {
    this.isEnded = true;
    this.rest();
  }

  private look(): void {
    if (this.isEnded) {
      return;
    }
    if (this.partitionCount > 0) {
      this.become(false);
    } else if (this.isMember === this.isSpare) {
      this.rest();
    } else {
      this.timer ??= this.clock.setTimer(SPARE_AFTER_MS, () => this.become(this.isMember));
    }
  }

  private become(isSpare: boolean): void {
    this.rest();
    if (isSpare !== this.isSpare) {
      this.isSpare = isSpare;
      this.onChange(isSpare);
    }
  }

  private rest(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
