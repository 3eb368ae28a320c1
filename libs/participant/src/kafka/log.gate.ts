import {
  sendWithRetries,
  type KafkaClient,
  type OutgoingRecord,
  type ReceivedBatch,
  type ReceivedRecord,
} from '@atone/kafka';
import { deadRecord, deadTopic, logIdOf, readCommandRecord, type RecordTrust } from '@atone/protocol';
import { failure } from '../branch.failure.js';
import type { OwnLog } from './own.log.js';
import type { ReplyRecords } from './reply.records.js';

export interface LogGateOptions {
  readonly client: Pick<KafkaClient, 'send'>;
  readonly prefix: string;
  readonly trust: () => RecordTrust;
  readonly replies: ReplyRecords;
  readonly ownLog: OwnLog;
  readonly onTrouble: (error: unknown, what: string) => void;
  /** Told of each record that is not let through, and why. */
  readonly onOther: (record: ReceivedRecord, reason: string) => void;
}

/**
 * Lets no commands of another log through: two installations that share brokers and prefix are brought each other's. They are put
 * with the dead letters, and who has sent them is told why nothing was done.
 */
export class LogGate {
  /** By partition: until the batch that came last is through. */
  private readonly former = new Map<string, Promise<void>>();

  constructor(private readonly options: LogGateOptions) {}

  /** Returns the batch without what is of others, after those of its partition that came before. Never rejects. */
  sift(batch: ReceivedBatch): Promise<ReceivedBatch> {
    const place = `${batch.topic}/${batch.partition}`;
    const sifted = this.siftAfter(this.former.get(place), batch);
    this.former.set(
      place,
      sifted.then(() => undefined),
    );
    return sifted;
  }

  private async siftAfter(former: Promise<void> | undefined, batch: ReceivedBatch): Promise<ReceivedBatch> {
    const own = await this.ownAmong(batch);
    await former;
    return own;
  }

  private async ownAmong(batch: ReceivedBatch): Promise<ReceivedBatch> {
    const others = await this.othersAmong(new Set(batch.records.map((record) => logIdOf(record))));
    if (others.size === 0) {
      return batch;
    }
    const isOther = (record: ReceivedRecord): boolean => others.has(logIdOf(record) ?? '');
    await this.turnAway(batch.records.filter(isOther));
    return { ...batch, records: batch.records.filter((record) => !isOther(record)) };
  }

  private async othersAmong(logIds: ReadonlySet<string | undefined>): Promise<ReadonlySet<string>> {
    const others = new Set<string>();
    for (const logId of logIds) {
      // oxlint-disable-next-line no-await-in-loop -- a single log is the rule, and nothing waits for that
      if (logId !== undefined && (await this.options.ownLog.isOther(logId))) {
        others.add(logId);
      }
    }
    return others;
  }

  private async turnAway(records: readonly ReceivedRecord[]): Promise<void> {
    const letters = records.flatMap((record) => this.lettersOf(record));
    await sendWithRetries(this.options.client, letters).catch((error: unknown) => {
      this.options.onTrouble(error, 'dead letters and answers to commands of another log');
    });
  }

  /** Nothing is answered to whom nobody trusts. */
  private lettersOf(record: ReceivedRecord): readonly OutgoingRecord[] {
    const { prefix, replies, trust, onOther } = this.options;
    const reason = this.reasonFor(logIdOf(record) ?? '');
    onOther(record, reason);
    const letter = deadRecord(record, { topic: deadTopic(prefix), reason });
    const read = readCommandRecord(record, trust(), prefix);
    if (read.type === 'unreadable') {
      return [letter];
    }
    const attempt = read.type === 'command' ? read.command : read.attempt;
    return [letter, replies.recordOf(attempt, failure('unreachable', reason), read.replyTo)];
  }

  private reasonFor(other: string): string {
    const { ownLog, prefix } = this.options;
    return (
      `Not carried out: it is a command of the log ${other}, and this service belongs to the log ${ownLog.id ?? ''}. ` +
      `Both use the prefix '${prefix}', and two installations at one Kafka need two: ATONE_KAFKA_PREFIX at the coordinators, ` +
      '`prefix` at the services.'
    );
  }
}
