import type { BranchReply } from '@atone/core';
import { attemptKey, type ReplyEnvelope } from '@atone/protocol';
import { failure } from '../branch.failure.js';

interface Waiting {
  /** Where the answer is read. */
  readonly partition: number;
  readonly settle: (reply: BranchReply) => void;
}

/** The attempts whose answers this process waits for. */
export class AwaitedAnswers {
  private readonly waiting = new Map<string, Waiting>();

  /** Has `settle` called with the answer to the attempt, or with what there is instead of it. */
  expect(attempt: string, partition: number, settle: (reply: BranchReply) => void): void {
    this.waiting.set(attempt, { partition, settle });
  }

  forget(attempt: string): void {
    this.waiting.delete(attempt);
  }

  /** Returns whether somebody has waited for it. */
  deliver(envelope: ReplyEnvelope): boolean {
    return this.settle(attemptKey(envelope), envelope.reply);
  }

  /** Has those ask again at once whose answers others read by now, and returns how many they are. */
  keep(partitions: readonly number[]): number {
    const gone = [...this.waiting].filter(([, { partition }]) => !partitions.includes(partition));
    gone.forEach(([attempt]) => this.settle(attempt, { outcome: 'not-yet', retryAfterMs: 0 }));
    return gone.length;
  }

  /** Tells all that no answer will be heard. */
  end(why: string): void {
    [...this.waiting.keys()].forEach((attempt) => this.settle(attempt, failure('unreachable', why)));
  }

  private settle(attempt: string, reply: BranchReply): boolean {
    const waiting = this.waiting.get(attempt);
    this.waiting.delete(attempt);
    waiting?.settle(reply);
    return waiting !== undefined;
  }
}
