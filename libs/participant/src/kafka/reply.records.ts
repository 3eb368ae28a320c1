import type { BranchReply } from '@atone/core';
import type { OutgoingRecord } from '@atone/kafka';
import {
  bytesIfMore,
  REPLY_BYTES_MAX,
  replyRecord,
  replyTo,
  type BranchCommand,
  type RecordOrigin,
  type ReplyPlace,
} from '@atone/protocol';
import { failure } from '../branch.failure.js';

/** What an answer repeats of its command. */
export type Attempt = Pick<BranchCommand, 'gid' | 'branchId' | 'op' | 'round' | 'attempt'>;

/** Addresses answers to where they are waited for. */
export class ReplyRecords {
  constructor(private readonly origin: () => RecordOrigin) {}

  /** Returns the record of an answer. One that nobody would read is told in short: only a smaller output can help. */
  recordOf(attempt: Attempt, reply: BranchReply, place: ReplyPlace): OutgoingRecord {
    const record = replyRecord(replyTo(attempt, reply), place, this.origin());
    const bytes = bytesIfMore(record.value, REPLY_BYTES_MAX);
    if (bytes === undefined) {
      return record;
    }
    const message = `The answer has ${bytes} octets, and ${REPLY_BYTES_MAX} is the most that a record of an answer may have.`;
    return replyRecord(replyTo(attempt, failure('bad-payload', message)), place, this.origin());
  }
}
