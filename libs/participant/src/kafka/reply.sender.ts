import type { BranchReply } from '@atone/core';
import type { KafkaClient, OutgoingRecord } from '@atone/kafka';
import {
  REPLY_BYTES_MAX,
  replyRecord,
  replyTo,
  type BranchCommand,
  type RecordOrigin,
  type ReplyPlace,
} from '@atone/protocol';
import { failure } from '../branch.failure.js';

type Attempt = Pick<BranchCommand, 'gid' | 'branchId' | 'op' | 'round' | 'attempt'>;

/** Stores answers where they are waited for. */
export class ReplySender {
  constructor(
    private readonly client: Pick<KafkaClient, 'send'>,
    private readonly origin: () => RecordOrigin,
  ) {}

  /** Resolves when the answer is stored. @throws {KafkaSendError} when it is not known to be. */
  async send(attempt: Attempt, reply: BranchReply, place: ReplyPlace): Promise<void> {
    await this.client.send([this.recordOf(attempt, reply, place)]);
  }

  /** An answer that nobody would read is told in short: only a smaller output can help. */
  private recordOf(attempt: Attempt, reply: BranchReply, place: ReplyPlace): OutgoingRecord {
    const record = replyRecord(replyTo(attempt, reply), place, this.origin());
    const bytes = Buffer.byteLength(record.value);
    if (bytes <= REPLY_BYTES_MAX) {
      return record;
    }
    const message = `The answer has ${bytes} octets, and ${REPLY_BYTES_MAX} is the most that a record of an answer may have.`;
    return replyRecord(replyTo(attempt, failure('bad-payload', message)), place, this.origin());
  }
}
