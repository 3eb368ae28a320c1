import {
  sendWithRetries,
  type KafkaClient,
  type OutgoingRecord,
  type ReceivedBatch,
  type ReceivedRecord,
} from '@atone/kafka';
import { deadRecord, deadTopic, readReplyRecord, type RecordTrust } from '@atone/protocol';
import type { AwaitedAnswers } from './awaited.answers.js';

/** What became of records that were no answers to calls of this process. */
export interface AnswerCounts {
  /** Passed over: nobody waits for them here, any more or at all. */
  passedOver: number;
  /** Calls that were asked again, because their answers were to come where others read. */
  askedAgain: number;
  /** Put with the dead letters. */
  dead: number;
  /** Of those, the ones that were not signed by anybody who may. */
  distrusted: number;
}

export interface AnswerIntakeOptions {
  readonly client: Pick<KafkaClient, 'send'>;
  readonly prefix: string;
  readonly trust: () => RecordTrust;
  readonly answers: AwaitedAnswers;
  readonly onTrouble: (error: unknown, what: string) => void;
  /** Told of each record that is put with the dead letters, and why. */
  readonly onDead: (record: ReceivedRecord, reason: string) => void;
}

/** Gives answers to the calls that wait for them. */
export class AnswerIntake {
  readonly counts: AnswerCounts = { passedOver: 0, askedAgain: 0, dead: 0, distrusted: 0 };

  constructor(private readonly options: AnswerIntakeOptions) {}

  /** Never rejects: who missed an answer asks again. */
  async take({ records }: ReceivedBatch): Promise<void> {
    const { answers, prefix } = this.options;
    const trust = this.options.trust();
    const dead: OutgoingRecord[] = [];
    for (const record of records) {
      const read = readReplyRecord(record, trust);
      if (read.type === 'unreadable') {
        this.counts.dead += 1;
        this.options.onDead(record, read.reason);
        this.counts.distrusted += read.cause === 'signature' ? 1 : 0;
        dead.push(deadRecord(record, { topic: deadTopic(prefix), reason: read.reason }));
      } else if (!answers.deliver(read.envelope)) {
        this.counts.passedOver += 1;
      }
    }
    await this.bury(dead);
  }

  /** What cannot be stored stays where it was for as long as the topic keeps it. */
  private async bury(dead: readonly OutgoingRecord[]): Promise<void> {
    if (dead.length > 0) {
      await sendWithRetries(this.options.client, dead).catch((error: unknown) =>
        this.options.onTrouble(error, 'dead letters of answers'),
      );
    }
  }
}
