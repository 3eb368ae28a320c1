import { dropWhatEnded } from './retention.js';
import type { World } from './world.js';

/** Longer than the log remembers, and rows are kept: after it everything that was under way is of long ago. */
const NIGHT_MS = 30 * 3_600_000;

/** How often the log looks for rows to drop, once there may be some. */
const DROP_EVERY_MS = 250;

/** The nights of a run: everything stands still, the clocks go on, and then the log forgets. */
export class Nights {
  passedCount = 0;
  private toComeCount = 0;
  private isDropping = false;
  private readonly heldBack: (() => void)[] = [];

  constructor(private readonly world: World) {}

  /** Whether what is held back overnight will come some day. */
  get areToCome(): boolean {
    return this.toComeCount > 0;
  }

  /** Notes that there will be one. */
  expect(): void {
    this.toComeCount += 1;
  }

  /** Has something happen when the next one is over. */
  atDawn(run: () => void): void {
    this.heldBack.push(run);
  }

  /** Lets one pass. */
  pass(): void {
    const { world } = this;
    this.toComeCount -= 1;
    this.passedCount += 1;
    world.scheduler.sleep(NIGHT_MS);
    if (!this.isDropping) {
      this.isDropping = true;
      this.dropAgainAndAgain();
    }
    for (const run of this.heldBack.splice(0)) {
      run();
    }
  }

  private dropAgainAndAgain(): void {
    dropWhatEnded(this.world);
    this.world.scheduler.after(DROP_EVERY_MS, () => {
      this.dropAgainAndAgain();
    });
  }
}
