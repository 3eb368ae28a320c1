import type { ReceivedBatch, ReceivedRecord } from '../kafka.port.js';
import type { Progress } from './offset.committer.js';
import type { Pauses } from './pause.js';

export interface LaneOptions {
  readonly recordCountMax: number;
  readonly onBatch: (batch: ReceivedBatch) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  /** Told of what is done, unless the partition was taken away meanwhile. */
  readonly onProgress: (progress: Progress) => void;
  readonly pauses: Pauses;
}

/** After a rejection. */
const PAUSE_MS = 200;

/** The records of one partition that are here, of which one batch after the other is dealt with. */
export class PartitionLane {
  private waiting: ReceivedRecord[] = [];
  /** Counts how often it began anew. */
  private era = 0;
  private isClosing = false;
  private working: Promise<void> | undefined;

  constructor(
    private readonly place: { readonly topic: string; readonly partition: number },
    private readonly options: LaneOptions,
  ) {}

  /** How many records wait here, those of the batch under way included. */
  get length(): number {
    return this.waiting.length;
  }

  push(records: readonly ReceivedRecord[]): void {
    // One after the other: as the arguments of one call they would be too many.
    for (const record of records) {
      this.waiting.push(record);
    }
    this.working ??= this.work();
  }

  /** Forgets what waits. What is under way goes on, and what is pushed next waits for it. */
  restart(): void {
    this.era += 1;
    this.waiting = [];
  }

  /** Waits for the batch under way, and begins no other. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.working;
  }

  private async work(): Promise<void> {
    // Else what comes first would always come alone.
    await Promise.resolve();
    while (this.waiting.length > 0 && !this.isClosing) {
      // oxlint-disable-next-line no-await-in-loop -- one batch after the other
      await this.dealWith(this.waiting.slice(0, this.options.recordCountMax));
    }
    this.working = undefined;
  }

  private async dealWith(records: readonly ReceivedRecord[]): Promise<void> {
    const { onBatch, onProgress, onTrouble, pauses } = this.options;
    const { era } = this;
    try {
      await onBatch({ ...this.place, records });
    } catch (error) {
      onTrouble(error);
      await pauses.pause(PAUSE_MS);
      return;
    }
    const last = records.at(-1);
    if (era === this.era && last !== undefined) {
      this.waiting.splice(0, records.length);
      onProgress({ ...this.place, offset: last.offset + 1n });
    }
  }
}
