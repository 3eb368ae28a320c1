import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaClient, OutgoingRecord, ReceivedBatch, ReceivedRecord } from '@atone/kafka';
import type { ServiceLog } from '@atone/participant';
import { deadRecord } from '@atone/protocol';
import { KafkaRetriableException } from '@nestjs/microservices';
import { Permits } from './permits.js';

export interface BatchIntakeOptions {
  readonly client: Pick<KafkaClient, 'send'>;
  /** Brings a record to its handler. @throws what keeps it from being dealt with */
  readonly deliver: (record: ReceivedRecord) => Promise<void>;
  readonly deadTopic: string;
  readonly parallelMax: number;
  readonly attemptMax: number;
  readonly retryAfterMs: number;
  /** How long a batch is waited for before its handlers that run are told to the log. */
  readonly slowAfterMs: number;
  readonly log: Pick<ServiceLog, 'error' | 'warn'>;
}

interface OpenBatch {
  /** What is through, and must not run twice. */
  readonly through: Set<bigint>;
  /** Those whose handlers run, or are about to. */
  readonly open: Set<ReceivedRecord>;
}

/** Deals with the records of batches: those of one key in order, those of different ones at the same time. */
export class BatchIntake {
  private readonly permits: Permits;
  /** By partition: what of a batch that has to come again is through, and must not run twice. */
  private readonly through = new Map<string, Set<bigint>>();

  constructor(private readonly options: BatchIntakeOptions) {
    this.permits = new Permits(options.parallelMax);
  }

  /**
   * Resolves when each record is through: its handler has been, or it lies with the dead letters.
   *
   * @throws what makes the batch come again: a handler that says so, or brokers that do not take a dead letter.
   */
  async take({ topic, partition, records }: ReceivedBatch): Promise<void> {
    const place = `${topic}/${partition}`;
    const through = this.through.get(place) ?? new Set();
    this.through.set(place, through);
    const batch: OpenBatch = { through, open: new Set() };
    const lines = linesOf(records.filter(({ offset }) => !through.has(offset)));
    const alarm = setTimeout(() => this.tellSlow(batch), this.options.slowAfterMs).unref();
    const outcomes = await Promise.allSettled(lines.map(async (line) => this.walk(line, batch)));
    clearTimeout(alarm);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
    }
    this.through.delete(place);
  }

  /**
   * Forgets what is through of batches that were to come again. To be called when other partitions are held: others may have gone on
   * there meanwhile, and what comes now is to be dealt with as it comes.
   */
  forget(): void {
    this.through.clear();
  }

  private async walk(line: readonly ReceivedRecord[], { through, open }: OpenBatch): Promise<void> {
    for (const record of line) {
      open.add(record);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.deal(record).finally(() => open.delete(record));
      through.add(record.offset);
    }
  }

  /** A handler that does not return stops its partition; nothing else would tell which one it is. */
  private tellSlow({ open }: OpenBatch): void {
    const { log, slowAfterMs } = this.options;
    const [first] = open;
    if (first !== undefined) {
      const { topic, partition, offset } = first;
      log.warn(
        { pattern: topic, topic, partition, offset: String(offset), openCount: open.size, slowAfterMs },
        'a handler holds up its partition',
      );
    }
  }

  private async deal(record: ReceivedRecord): Promise<void> {
    const { attemptMax, deliver, retryAfterMs } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      // oxlint-disable no-await-in-loop -- one attempt after the other
      try {
        await this.permits.within(async () => deliver(record));
        return;
      } catch (error) {
        if (error instanceof KafkaRetriableException) {
          throw error;
        }
        if (attempt >= attemptMax) {
          await this.bury(record, `Its handler has failed ${attempt} times: ${messageOf(error)}`);
          return;
        }
      }
      await delay(retryAfterMs * 2 ** (attempt - 1));
      // oxlint-enable no-await-in-loop
    }
  }

  private async bury(record: ReceivedRecord, reason: string): Promise<void> {
    const { client, deadTopic, log } = this.options;
    const letter: OutgoingRecord = deadRecord(record, { topic: deadTopic, reason });
    const { topic, partition, offset } = record;
    const about = { topic, partition, offset: String(offset), reason };
    try {
      await client.send([letter]);
      log.error(about, 'a message was put with the dead letters');
    } catch (error) {
      if ((error as { readonly retryable?: unknown }).retryable === true) {
        throw error;
      }
      // What is refused once is refused for ever. The record stays where it is, for as long as its topic keeps it.
      log.error({ ...about, error: messageOf(error) }, 'a dead letter was not taken');
    }
  }
}

/** Those without a key have no order among them. */
function linesOf(records: readonly ReceivedRecord[]): readonly (readonly ReceivedRecord[])[] {
  const byKey = new Map<string, ReceivedRecord[]>();
  const lines: ReceivedRecord[][] = [];
  for (const record of records) {
    const line = record.key === undefined ? undefined : byKey.get(record.key);
    if (line !== undefined) {
      line.push(record);
    } else {
      const begun = [record];
      lines.push(begun);
      if (record.key !== undefined) {
        byKey.set(record.key, begun);
      }
    }
  }
  return lines;
}

/** Nest's filters throw what is no error. */
function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    return String(error.message);
  }
  return typeof error === 'string' ? error : (JSON.stringify(error) ?? 'for no reason');
}
