import type { BranchReply } from '@atone/core';
import type { KafkaClient, OutgoingRecord, ReceivedBatch, ReceivedRecord } from '@atone/kafka';
import {
  deadRecord,
  deadTopic,
  readCommandRecord,
  type BranchCommand,
  type ReadCommand,
  type RecordTrust,
  type ReplyPlace,
} from '@atone/protocol';
import { failure } from '../branch.failure.js';
import type { Participant } from '../participant.js';
import { GidTurns, type Turn } from './gid.turns.js';
import type { ReplySender } from './reply.sender.js';

/** What became of records, beside those that were carried out and answered in time. */
export interface CommandCounts {
  /** Put with the dead letters. */
  dead: number;
  /** Of those, the ones that were not signed by anybody who may. */
  distrusted: number;
  /** Still running when the records behind them had their turn. They are answered when they end. */
  slow: number;
  /** Answered as unknown, because they could not begin in time. */
  busy: number;
  /** Not answered, because the brokers did not take the answer. They are asked again. */
  unanswered: number;
}

export interface CommandIntakeOptions {
  readonly participant: Participant;
  readonly client: Pick<KafkaClient, 'send'>;
  readonly prefix: string;
  readonly trust: () => RecordTrust;
  readonly replies: ReplySender;
  readonly parallelMax: number;
  readonly slowAfterMs: number;
  readonly setTimer: (delayMs: number, callback: () => void) => { cancel(): void };
  readonly onTrouble: (error: unknown, what: string) => void;
}

interface ReadableCommand {
  readonly command: BranchCommand;
  readonly replyTo: ReplyPlace;
}

/** So many times in a row a batch comes again whose answers the brokers do not take; then it is passed over. */
const REPLY_ATTEMPT_MAX = 5;

/** Carries out the commands of batches: those of one gid in order, those of different ones at the same time. */
export class CommandIntake {
  readonly counts: CommandCounts = { dead: 0, distrusted: 0, slow: 0, busy: 0, unanswered: 0 };
  private readonly turns: GidTurns<BranchReply>;
  private readonly late = new Set<Promise<void>>();
  /** By partition: how often in a row answers were not taken. */
  private readonly failedInARow = new Map<string, number>();

  constructor(private readonly options: CommandIntakeOptions) {
    this.turns = new GidTurns(options.parallelMax);
  }

  /**
   * Resolves when what the batch asks for has been committed and its answers are stored; but for what takes longer than others
   * may wait, which is left to run.
   *
   * @throws what keeps the answers from being stored: then the batch must come again.
   */
  async take({ topic, partition, records }: ReceivedBatch): Promise<void> {
    const { options } = this;
    const timeIsUp = this.alarm();
    const trust = options.trust();
    const read = records.map((record) => ({
      record,
      read: readCommandRecord(record, trust, options.prefix),
    }));
    const work = read.map(async (one) => this.deal(one, timeIsUp.promise));
    const outcomes = await Promise.allSettled(work);
    timeIsUp.cancel();
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    this.judge(`${topic}/${partition}`, failed);
  }

  /** Resolves when what was left to run has ended, and is answered. */
  async idle(): Promise<void> {
    await this.options.participant.idle();
    await Promise.all(this.late);
  }

  private alarm(): { readonly promise: Promise<undefined>; readonly cancel: () => void } {
    const timers: { cancel(): void }[] = [];
    const promise = new Promise<undefined>((resolve) => {
      timers.push(this.options.setTimer(this.options.slowAfterMs, () => resolve(undefined)));
    });
    return { promise, cancel: () => timers.forEach((timer) => timer.cancel()) };
  }

  private async deal(
    { record, read }: { readonly record: ReceivedRecord; readonly read: ReadCommand },
    timeIsUp: Promise<undefined>,
  ): Promise<void> {
    switch (read.type) {
      case 'command':
        await this.carryOut(read, timeIsUp);
        return;
      case 'malformed':
        await this.bury(record, read.reason);
        await this.options.replies.send(read.attempt, failure('bad-payload', read.reason), read.replyTo);
        return;
      case 'unreadable':
        this.counts.distrusted += read.cause === 'signature' ? 1 : 0;
        await this.bury(record, read.reason);
        return;
    }
  }

  private async carryOut(asked: ReadableCommand, timeIsUp: Promise<undefined>): Promise<void> {
    const { command } = asked;
    if (this.turns.isBlocked(command.gid)) {
      await this.answerBusy(asked, 'an earlier command of its transaction is still under way');
      return;
    }
    const turn = this.turns.begin(command.gid, async () => this.options.participant.execute(command));
    const reply = await Promise.race([turn.result, timeIsUp]);
    if (reply !== undefined) {
      await this.answer(asked, reply);
    } else if (turn.withdraw()) {
      await this.answerBusy(asked, 'those before it take too long');
    } else {
      this.leave(asked, turn);
    }
  }

  private async answer({ command, replyTo }: ReadableCommand, reply: BranchReply): Promise<void> {
    await this.options.replies.send(command, reply, replyTo);
  }

  private async answerBusy(asked: ReadableCommand, why: string): Promise<void> {
    this.counts.busy += 1;
    const { service } = asked.command;
    await this.answer(
      asked,
      failure('unreachable', `Service '${service}' is busy: the command has not begun, for ${why}.`),
    );
  }

  /** The partition moves on, and the answer comes when it comes. If this process dies before that, the command is asked again. */
  private leave(asked: ReadableCommand, turn: Turn<BranchReply>): void {
    this.counts.slow += 1;
    turn.isLeft = true;
    const { gid, branchId, op, service, action } = asked.command;
    const answered = turn.result
      .then(async (reply) => reply && this.answer(asked, reply))
      .catch((error: unknown) => {
        this.counts.unanswered += 1;
        this.options.onTrouble(
          error,
          `the late answer to ${op} ${service}.${action} of ${branchId} of ${gid}`,
        );
      })
      .then(() => void this.late.delete(answered));
    this.late.add(answered);
  }

  /** A dead letter that cannot be stored holds nothing up: the record stays where it was for as long as the topic keeps it. */
  private async bury(record: ReceivedRecord, reason: string): Promise<void> {
    this.counts.dead += 1;
    const letter: OutgoingRecord = deadRecord(record, { topic: deadTopic(this.options.prefix), reason });
    const { topic, partition, offset } = record;
    await this.options.client.send([letter]).catch((error: unknown) => {
      this.options.onTrouble(error, `a dead letter, which stays at ${topic}/${partition}, offset ${offset}`);
    });
  }

  /**
   * What nobody knows of is tried again with the whole batch: the barrier repeats its answers. What the brokers have refused, or
   * do not take for long, is passed over, so that the others of the partition have their turn: its sender asks again.
   */
  private judge(partition: string, failed: readonly PromiseRejectedResult[]): void {
    const attempt = (this.failedInARow.get(partition) ?? 0) + 1;
    const retryable = failed.find(({ reason }) => (reason as { retryable?: boolean }).retryable === true);
    if (retryable !== undefined && attempt < REPLY_ATTEMPT_MAX) {
      this.failedInARow.set(partition, attempt);
      throw retryable.reason;
    }
    this.failedInARow.delete(partition);
    this.counts.unanswered += failed.length;
    for (const { reason } of failed.slice(0, 1)) {
      this.options.onTrouble(reason, `${failed.length} answers to commands of ${partition}`);
    }
  }
}
