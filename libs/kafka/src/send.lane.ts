import { KafkaClosedError, KafkaSendError, type SendFailure } from './kafka.error.js';
import type { OutgoingRecord } from './kafka.port.js';

/** Stores records by one request. @throws {KafkaSendError} about all of them, though some may be stored. */
export type Produce = (records: readonly OutgoingRecord[]) => Promise<void>;

/** Past this a request gains nothing. */
const RECORD_COUNT_MAX = 1_024;

/** All that a request brings to a partition is one batch, of which a broker takes a megabyte by default. */
const REQUEST_BYTES_MAX = 900_000;

/** What a record takes beside its texts, at most. */
const OVERHEAD_BYTES = 64;

interface Call {
  readonly failed: KafkaSendError[];
  waitingCount: number;
  readonly settle: () => void;
}

interface Waiting {
  readonly record: OutgoingRecord;
  readonly call: Call;
}

/**
 * Gathers sends: those of one turn go by one request, and while a request is under way the next one fills. So records are stored
 * in the order in which they were handed over, and many share a request under load.
 *
 * A record that is refused harms no other: what was refused as a whole is sent again in parts.
 */
export class SendLane {
  private queue: Waiting[] = [];
  private isClosed = false;
  private working: Promise<void> | undefined;

  constructor(private readonly produce: Produce) {}

  /** @throws {KafkaSendError} about those which are not known to be stored */
  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.isClosed) {
      throw new KafkaClosedError();
    }
    if (records.length > 0) {
      await new Promise<void>((resolve, reject) => {
        const failed: KafkaSendError[] = [];
        const settle = (): void => (failed.length === 0 ? resolve() : reject(together(failed)));
        const call = { failed, waitingCount: records.length, settle };
        this.queue.push(...records.map((record) => ({ record, call })));
        this.working ??= this.work();
      });
    }
  }

  /** Takes no more, and waits for what was taken. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.working;
  }

  private async work(): Promise<void> {
    // What is added in the same breath goes along.
    await Promise.resolve();
    while (this.queue.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one request at a time keeps the order
      await this.store(this.takeBatch());
    }
    this.working = undefined;
  }

  private takeBatch(): readonly Waiting[] {
    let bytes = 0;
    const fitting = this.queue.slice(0, RECORD_COUNT_MAX).findIndex(({ record }, position) => {
      bytes += sizeOf(record);
      return position > 0 && bytes > REQUEST_BYTES_MAX;
    });
    return this.queue.splice(0, fitting === -1 ? RECORD_COUNT_MAX : fitting);
  }

  private async store(batch: readonly Waiting[]): Promise<void> {
    const records = batch.map(({ record }) => record);
    try {
      await this.produce(records);
    } catch (cause) {
      const error = asSendError(cause, records);
      if (error.failure === 'unreachable' || batch.length === 1) {
        batch.forEach(({ record, call }) => call.failed.push(about(record, error)));
      } else {
        await this.storeInParts(batch);
        return;
      }
    }
    batch.forEach(({ call }) => {
      call.waitingCount -= 1;
      if (call.waitingCount === 0) {
        call.settle();
      }
    });
  }

  private async storeInParts(batch: readonly Waiting[]): Promise<void> {
    for (const part of partsOf(batch)) {
      // oxlint-disable-next-line no-await-in-loop -- one request at a time keeps the order
      await this.store(part);
    }
  }
}

/** By topic first, for a topic's trouble is mostly that of all its records. */
function partsOf(batch: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const topics = [...new Set(batch.map(({ record }) => record.topic))];
  if (topics.length > 1) {
    return topics.map((topic) => batch.filter(({ record }) => record.topic === topic));
  }
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  const texts = [key, value ?? '', ...Object.entries(headers).flat()];
  return texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), OVERHEAD_BYTES);
}

function asSendError(cause: unknown, records: readonly OutgoingRecord[]): KafkaSendError {
  return cause instanceof KafkaSendError ? cause : new KafkaSendError('unreachable', records, { cause });
}

function about(record: OutgoingRecord, { failure, cause }: KafkaSendError): KafkaSendError {
  return new KafkaSendError(failure, [record], { cause });
}

/** What is least certain is told first. */
const ORDER: readonly SendFailure[] = ['unreachable', 'refused', 'no-topic', 'too-large'];

function together(failed: readonly KafkaSendError[]): KafkaSendError {
  const failure = ORDER.find((kind) => failed.some((error) => error.failure === kind)) ?? 'unreachable';
  const records = failed.flatMap((error) => error.records);
  const cause = failed.find((error) => error.failure === failure)?.cause;
  return new KafkaSendError(failure, records, { cause });
}
