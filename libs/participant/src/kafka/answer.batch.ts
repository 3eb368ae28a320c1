import { nextTick } from 'node:process';
import type { KafkaClient, OutgoingRecord } from '@atone/kafka';

/** Answers that are not known to be stored, and why. */
export interface Unstored {
  readonly error: unknown;
  readonly count: number;
}

/** The answers that a batch of commands owes: those that are there in one turn of the event loop go together. */
export class AnswerBatch {
  readonly unstored: Unstored[] = [];
  private owedCount = 0;
  private unsent: OutgoingRecord[] = [];
  private settle: (() => void) | undefined;

  constructor(private readonly client: Pick<KafkaClient, 'send'>) {}

  /** Has the batch wait for one thing more: an answer, or what is done instead. */
  owe(): void {
    this.owedCount += 1;
  }

  /** Ends the wait for one thing that was owed. */
  release(count = 1): void {
    this.owedCount -= count;
    if (this.owedCount === 0) {
      this.settle?.();
    }
  }

  /** Ends it because what was owed cannot be had. */
  fail(error: unknown): void {
    this.unstored.push({ error, count: 1 });
    this.release();
  }

  /** Stores an answer that was owed. */
  send(record: OutgoingRecord): void {
    this.unsent.push(record);
    if (this.unsent.length === 1) {
      // Behind all that is settled by now, so that what comes in the same turn goes along.
      nextTick(() => void this.flush());
    }
  }

  /** Resolves when nothing is owed any more. */
  async settled(): Promise<void> {
    if (this.owedCount > 0) {
      await new Promise<void>((resolve) => {
        this.settle = resolve;
      });
    }
  }

  private async flush(): Promise<void> {
    const records = this.unsent;
    this.unsent = [];
    try {
      await this.client.send(records);
    } catch (error) {
      this.unstored.push({ error, count: countOf(error) ?? records.length });
    }
    this.release(records.length);
  }
}

/** The others of the same call are stored. */
function countOf(error: unknown): number | undefined {
  return (error as { readonly records?: readonly unknown[] }).records?.length;
}
