import type { OutgoingRecord, ReceivedBatch } from '@atone/kafka';
import { RECORD_HEADERS } from '@atone/protocol';

/** A batch that a process was given, and what was so before. */
export interface Delivery {
  readonly batch: ReceivedBatch;
  readonly atMs: number;
  /** How often each of its attempts had been dealt with. */
  readonly before: ReadonlyMap<string, number>;
}

/** What one life of a process does with Kafka, as it can be seen from outside. */
export interface KafkaStory {
  /** It is told which partitions it holds. */
  assigned(held: ReadonlyMap<string, readonly number[]>): void;
  /** It hands records over. */
  sends(records: readonly OutgoingRecord[]): void;
  /** They are stored, as it is told. */
  sent(records: readonly OutgoingRecord[]): void;
  /** It is given a batch. */
  delivered(batch: ReceivedBatch): Delivery;
  /** It says that the batch is done: its offset is committed now. */
  done(delivery: Delivery): void;
  /** It wants to have the batch again. */
  refused(delivery: Delivery): void;
}

/** By which a check knows what nobody else can read. */
export const POISON_HEADER = 'simulated-poison';

export function isPoison({ headers }: Pick<OutgoingRecord, 'headers'>): boolean {
  return POISON_HEADER in headers;
}

/** Returns the attempt that a record is about. */
export function attemptOf({ headers }: Pick<OutgoingRecord, 'headers'>): string {
  return headers[RECORD_HEADERS.id] ?? '';
}

/** Counts what happens to attempts. */
export class Attempts {
  private readonly counts = new Map<string, number>();

  add(attempt: string): void {
    this.counts.set(attempt, this.of(attempt) + 1);
  }

  of(attempt: string): number {
    return this.counts.get(attempt) ?? 0;
  }

  get all(): ReadonlyMap<string, number> {
    return this.counts;
  }

  /** Returns how often each attempt of a batch has come up so far. */
  before({ records }: ReceivedBatch): ReadonlyMap<string, number> {
    return new Map(records.map((record) => [attemptOf(record), this.of(attemptOf(record))]));
  }

  /** Tells whether an attempt has come up since the batch was given out. */
  hasSince({ before }: Delivery, attempt: string): boolean {
    return this.of(attempt) > (before.get(attempt) ?? 0);
  }
}
