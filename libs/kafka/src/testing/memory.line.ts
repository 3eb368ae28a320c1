import type { ReceivedRecord } from '../kafka.port.js';
import { firstOf, Signal } from './memory.clock.js';

interface LinePort {
  /** @returns whether it is done, rather than given up */
  readonly deal: (records: readonly ReceivedRecord[]) => Promise<boolean>;
  readonly commit: (offset: bigint) => Promise<void>;
}

interface Begun {
  /** Of the first record behind it. */
  readonly next: bigint;
  isDone: boolean;
}

/** The batches of one partition that are under way at a member. Committed is what has nothing before it that is not done. */
export class MemoryLine {
  /** Fired whenever a batch has ended. */
  readonly ended = new Signal();
  runningCount = 0;
  recordCount = 0;
  private readonly begun: Begun[] = [];
  private committing = Promise.resolve();

  constructor(
    /** The offset of the first record that has not begun. */
    public next: bigint,
    private readonly port: LinePort,
  ) {}

  begin(records: readonly ReceivedRecord[]): void {
    const last = records.at(-1);
    if (last === undefined) {
      return;
    }
    this.next = last.offset + 1n;
    const batch = { next: this.next, isDone: false };
    this.begun.push(batch);
    this.runningCount += 1;
    this.recordCount += records.length;
    void this.run(batch, records);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.runningCount > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other ends
      await firstOf([this.ended]);
    }
  }

  private async run(batch: Begun, records: readonly ReceivedRecord[]): Promise<void> {
    batch.isDone = await this.port.deal(records);
    await this.commitDone();
    this.runningCount -= 1;
    this.recordCount -= records.length;
    this.ended.fire();
  }

  private async commitDone(): Promise<void> {
    let next: bigint | undefined;
    while (this.begun[0]?.isDone === true) {
      next = this.begun.shift()?.next;
    }
    if (next !== undefined) {
      const offset = next;
      this.committing = this.committing.then(async () => this.port.commit(offset));
      await this.committing;
    }
  }
}
