import type { SendFailure } from '../kafka.error.js';
import type { OutgoingRecord } from '../kafka.port.js';
import type { PlacedRecord } from '../library.port.js';
import { SEND_TIMEOUT_MS } from '../limits.js';
import { partitionOf } from '../partition.choice.js';
import type { TopicCounts } from '../topic.counts.js';
import { within } from '../within.js';
import { fail, type Waiting } from './send.call.js';

export interface PlacingOptions {
  readonly counts: TopicCounts;
  readonly failureOf: (error: unknown) => SendFailure;
  /** Takes what has its partition, in order. */
  readonly onPlaced: (waiting: readonly Waiting<PlacedRecord>[]) => void;
}

/**
 * Gives each record its partition. Where it is not known how many its topic has, or one is named that is not known, it asks, and what
 * comes later for that topic waits behind.
 */
export class RecordPlacing {
  /** By topic. */
  private readonly waiting = new Map<string, Waiting[]>();
  private asking: Promise<void> | undefined;

  constructor(private readonly options: PlacingOptions) {}

  push(waiting: readonly Waiting[]): void {
    this.placeAll(waiting);
    if (this.waiting.size > 0) {
      this.asking ??= this.ask();
    }
  }

  /** Waits until nothing waits here. */
  async settled(): Promise<void> {
    await this.asking;
  }

  private async ask(): Promise<void> {
    // What is added in the same breath is asked along.
    await Promise.resolve();
    const { counts } = this.options;
    while (this.waiting.size > 0) {
      const topics = [...this.waiting.keys()];
      // oxlint-disable-next-line no-await-in-loop -- one request at a time
      const trouble = await troubleOf(within(SEND_TIMEOUT_MS, counts.learn(topics), noAnswer));
      const answered = topics.map((topic) => this.waiting.get(topic) ?? []);
      topics.forEach((topic) => this.waiting.delete(topic));
      this.placeAll(answered.flat(), trouble);
    }
    this.asking = undefined;
  }

  private placeAll(waiting: readonly Waiting[], trouble?: AskingFailed): void {
    this.options.onPlaced(waiting.filter((one) => this.place(one, trouble)));
  }

  /** Gives a record its partition, if that is known; else it waits, or has failed. */
  private place(waiting: Waiting, trouble?: AskingFailed): waiting is Waiting<PlacedRecord> {
    const { counts } = this.options;
    const { record } = waiting;
    const before = this.waiting.get(record.topic);
    const count = counts.of(record.topic);
    if (before !== undefined) {
      before.push(waiting);
    } else if (count !== undefined && isInside(record.partition, count)) {
      waiting.placed = placed(record, count);
      return true;
    } else if (trouble !== undefined) {
      fail([waiting], this.options.failureOf(trouble.cause), trouble.cause);
    } else if (count !== undefined && counts.isNews(record.topic)) {
      refuse(waiting, count);
    } else {
      this.waiting.set(record.topic, [waiting]);
    }
    return false;
  }
}

/** A record that names its partition, as answers do, is sent as it is. */
function placed(record: OutgoingRecord, partitionCount: number): PlacedRecord {
  const { topic, key, value, headers } = record;
  return isPlaced(record)
    ? record
    : { topic, key, value, headers, partition: partitionOf(record, partitionCount) };
}

function isPlaced(record: OutgoingRecord): record is PlacedRecord {
  return record.partition !== undefined;
}

interface AskingFailed {
  readonly cause: unknown;
}

async function troubleOf(asking: Promise<void>): Promise<AskingFailed | undefined> {
  try {
    await asking;
    return undefined;
  } catch (cause) {
    return { cause };
  }
}

function isInside(partition = 0, count: number): boolean {
  return partition >= 0 && partition < count;
}

function refuse(waiting: Waiting, count: number): void {
  if (count === 0) {
    fail([waiting], 'no-topic');
  } else {
    const { topic, partition } = waiting.record;
    fail([waiting], 'refused', new Error(`${topic} has no partition ${partition}`));
  }
}

function noAnswer(): Error {
  return new Error('no answer in time');
}
