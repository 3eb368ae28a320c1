import type { ReceivedBatch, ReceivedRecord } from '../kafka.port.js';
import type { Progress } from './offset.committer.js';
import type { Pauses } from './pause.js';

export interface LaneOptions {
  readonly recordCountMax: number;
  /** How many batches may be under way at the same time. */
  readonly parallelBatchMax: number;
  readonly onBatch: (batch: ReceivedBatch) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  /** Told of what is done, unless the partition was taken away meanwhile. */
  readonly onProgress: (progress: Progress) => void;
  readonly pauses: Pauses;
}

/** After a rejection. */
const PAUSE_MS = 200;

/** Records that are dealt with together. */
interface Batch {
  readonly records: readonly ReceivedRecord[];
  isDone: boolean;
}

/**
 * The records of one partition that are here. Batches of them begin in order, so many at the same time as may be; what is told to be done
 * has nothing before it that is not.
 */
export class PartitionLane {
  private waiting: ReceivedRecord[] = [];
  /** In order: those under way, and those behind one of them that are done. */
  private begun: Batch[] = [];
  /** Counts how often it began anew. */
  private era = 0;
  private isClosing = false;
  private beginning: Promise<void> | undefined;
  private readonly running = new Map<Batch, Promise<void>>();
  private underWayCount = 0;
  /** What was under way when it began anew, until that has ended. */
  private former: Promise<unknown> | undefined;

  constructor(
    private readonly place: { readonly topic: string; readonly partition: number },
    private readonly options: LaneOptions,
  ) {}

  /** How many records are here that are not done, those under way included. */
  get length(): number {
    return this.begun.reduce((count, { records }) => count + records.length, this.waiting.length);
  }

  push(records: readonly ReceivedRecord[]): void {
    // One after the other: as the arguments of one call they would be too many.
    for (const record of records) {
      this.waiting.push(record);
    }
    this.beginning ??= this.begin();
  }

  /** Forgets what waits. What is under way goes on, and what is pushed next waits for it. */
  restart(): void {
    this.era += 1;
    this.waiting = [];
    this.begun = [];
    this.former = Promise.all(this.running.values());
  }

  /** Waits for the batches under way, and begins no other. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.beginning;
    await Promise.all(this.running.values());
  }

  private async begin(): Promise<void> {
    // Else what comes first would always come alone.
    await Promise.resolve();
    if (this.former !== undefined) {
      await this.formerEnded();
    }
    while (this.waiting.length > 0 && this.room > 0 && !this.isClosing) {
      const { room } = this;
      const batch = { records: this.waiting.slice(0, room), isDone: false };
      this.waiting = this.waiting.slice(room);
      this.begun.push(batch);
      this.running.set(batch, this.carryOut(batch));
    }
    this.beginning = undefined;
  }

  /** How many records the next batch may have: all that are under way are as many as one batch may have, at most. */
  private get room(): number {
    const { recordCountMax, parallelBatchMax } = this.options;
    return this.running.size < parallelBatchMax ? recordCountMax - this.underWayCount : 0;
  }

  private async formerEnded(): Promise<void> {
    while (this.former !== undefined) {
      const { former } = this;
      // oxlint-disable-next-line no-await-in-loop -- it may begin anew in between
      await former;
      this.former = former === this.former ? undefined : this.former;
    }
  }

  private async carryOut(batch: Batch): Promise<void> {
    this.underWayCount += batch.records.length;
    await this.run(batch);
    this.underWayCount -= batch.records.length;
    this.running.delete(batch);
    this.beginning ??= this.begin();
  }

  /** Deals with it again and again until it is done, or its records are forgotten. */
  private async run(batch: Batch): Promise<void> {
    const { era } = this;
    await this.attempt(batch);
    while (!batch.isDone && era === this.era && !this.isClosing) {
      // oxlint-disable-next-line no-await-in-loop -- the same again until it is done
      await this.attempt(batch);
    }
    if (era === this.era) {
      this.tellProgress();
    }
  }

  private async attempt(batch: Batch): Promise<void> {
    const { onBatch, onTrouble, pauses } = this.options;
    try {
      await onBatch({ ...this.place, records: batch.records });
      batch.isDone = true;
    } catch (error) {
      onTrouble(error);
      await pauses.pause(PAUSE_MS);
    }
  }

  private tellProgress(): void {
    let last: ReceivedRecord | undefined;
    while (this.begun[0]?.isDone === true) {
      last = this.begun.shift()?.records.at(-1);
    }
    if (last !== undefined) {
      this.options.onProgress({ ...this.place, offset: last.offset + 1n });
    }
  }
}
