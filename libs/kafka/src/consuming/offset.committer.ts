import { LEAVE_TIMEOUT_MS } from '../limits.js';
import { within } from '../within.js';
import type { Pauses } from './pause.js';

/** The offset of the next record of a partition that is not dealt with yet. */
export interface Progress {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

export interface CommitterOptions {
  readonly commit: (progress: readonly Progress[]) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  readonly pauses: Pick<Pauses, 'pause'>;
}

/** Between two commits: brokers keep each as a record of its own, at all replicas, and so it costs what a batch of replies costs. */
const GATHER_MS = 100;

/** After one that failed. */
const PAUSE_MS = 200;

/** Who leaves does not try for ever: what is not committed comes again elsewhere. */
const LAST_ATTEMPTS_MAX = 3;

/** Commits offsets: at once where nothing was of late, and else the next request tells of all that was done meanwhile. */
export class OffsetCommitter {
  private done = new Map<string, Progress>();
  private working: Promise<void> | undefined;
  private isClosing = false;
  /** Counts how often all was forgotten. */
  private era = 0;

  constructor(private readonly options: CommitterOptions) {}

  note(progress: Progress): void {
    this.done.set(keyOf(progress), progress);
    this.working ??= this.work();
  }

  /** Forgets what is not committed yet: it is no longer ours to tell. */
  forget(): void {
    this.era += 1;
    this.done.clear();
  }

  /** Waits until all is committed, or cannot be in time. */
  async close(): Promise<void> {
    this.isClosing = true;
    try {
      await within(LEAVE_TIMEOUT_MS, this.working ?? Promise.resolve(), () => new Error('no answer in time'));
    } catch (error) {
      this.options.onTrouble(error);
    }
  }

  private async work(): Promise<void> {
    await Promise.resolve();
    const { commit, onTrouble, pauses } = this.options;
    let failedCount = 0;
    while (this.done.size > 0 && failedCount < LAST_ATTEMPTS_MAX) {
      const { done: taken, era } = this;
      this.done = new Map();
      try {
        // oxlint-disable-next-line no-await-in-loop -- one request at a time
        await commit([...taken.values()]);
        failedCount = 0;
        // oxlint-disable-next-line no-await-in-loop -- before the next one
        await pauses.pause(GATHER_MS);
      } catch (error) {
        onTrouble(error);
        failedCount += this.isClosing ? 1 : 0;
        if (era === this.era) {
          this.done = new Map([...taken, ...this.done]);
        }
        // oxlint-disable-next-line no-await-in-loop -- before the next try
        await pauses.pause(PAUSE_MS);
      }
    }
    this.working = undefined;
  }
}

function keyOf({ topic, partition }: Progress): string {
  return `${topic}/${partition}`;
}
