import type { BranchReply } from '@atone/core';
import {
  sendWithRetries,
  type KafkaClient,
  type OutgoingRecord,
  type ReceivedBatch,
  type ReceivedRecord,
} from '@atone/kafka';
import {
  deadRecord,
  deadTopic,
  readCommandRecord,
  type BranchCommand,
  type ReadCommand,
  type RecordTrust,
} from '@atone/protocol';
import { failure } from '../branch.failure.js';
import type { Participant } from '../participant.js';
import { isAbove, isLateAction } from '../participant.led.js';
import { AnswerBatch, type Unstored } from './answer.batch.js';
import { GidTurns, Turn } from './gid.turns.js';
import {
  OpenCommand,
  type Asked,
  type CommandKeeper,
  type OpenBatch,
  type ReadableCommand,
} from './open.command.js';
import type { ReplyRecords } from './reply.records.js';

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
  readonly nowMs: () => number;
  readonly replies: ReplyRecords;
  readonly parallelMax: number;
  readonly slowAfterMs: number;
  readonly setTimer: (delayMs: number, callback: () => void) => { cancel(): void };
  readonly onTrouble: (error: unknown, what: string) => void;
  /** Told of each record that is put with the dead letters, and why. */
  readonly onDead: (record: ReceivedRecord, reason: string) => void;
}

/** How long a partition waits while a handler of this process calls others: what that waits for may lie behind the batch. */
const CALLING_WAIT_MS = 100;

/** With so many commands that no batch waits for, partitions wait again. */
const LATE_COUNT_MAX = 1_024;

/** So many times in a row a batch comes again whose answers the brokers do not take; then it is passed over. */
const REPLY_ATTEMPT_MAX = 5;

/** Those whose partition has gone to another instance are remembered for no longer than until there are so many. */
const FAILED_COUNT_MAX = 1_024;

/** Carries out the commands of batches: those of one gid in order, those of different ones at the same time. */
export class CommandIntake {
  readonly counts: CommandCounts = { dead: 0, distrusted: 0, slow: 0, busy: 0, unanswered: 0 };
  private readonly turns: GidTurns<BranchReply>;
  private readonly late = new Set<Promise<void>>();
  private readonly batches = new Set<OpenBatch>();
  /** By gid, the one that began first at the front. */
  private readonly running = new Map<string, OpenCommand>();
  /** Those whose handlers call others. */
  private readonly calling = new Set<OpenCommand>();
  private isMovingOn = false;
  /** Whether all turns were taken by commands that do not return, when it was looked at last. */
  private isHanging = false;
  /** By batch: how often in a row answers were not taken. */
  private readonly failedInARow = new Map<string, number>();
  private readonly keeper: CommandKeeper = {
    execute: (one) => this.execute(one),
    done: (one, reply) => this.done(one, reply),
    failed: (one, error) => this.failed(one, error),
  };

  constructor(private readonly options: CommandIntakeOptions) {
    this.turns = new GidTurns(options.parallelMax);
  }

  /**
   * Resolves when what the batch asks for has been committed and its answers are stored; but for what takes longer than others
   * may wait, and for what calls others itself, which is left to run.
   *
   * @throws what keeps the answers from being stored: then the batch must come again.
   */
  async take({ topic, partition, records }: ReceivedBatch): Promise<void> {
    const { options } = this;
    const trust = options.trust();
    const { nowMs } = trust;
    const batch: OpenBatch = { nowMs, answers: new AnswerBatch(options.client), open: new Set() };
    const alarm = options.setTimer(options.slowAfterMs, () => this.goOnWithout(batch));
    this.batches.add(batch);
    for (const record of records) {
      this.deal(record, readCommandRecord(record, trust, options.prefix), batch);
    }
    this.moveOnSoon();
    await batch.answers.settled();
    this.batches.delete(batch);
    if (batch.open.size === 0) {
      alarm.cancel();
    } else {
      batch.alarm = alarm;
    }
    this.judge(`${topic}/${partition}, from offset ${records[0]?.offset} on`, batch.answers.unstored);
  }

  /** Resolves when what was left to run has ended, and is answered. */
  async idle(): Promise<void> {
    await this.options.participant.idle();
    await Promise.all(this.late);
  }

  private deal(record: ReceivedRecord, read: ReadCommand, batch: OpenBatch): void {
    const { answers } = batch;
    answers.owe();
    switch (read.type) {
      case 'command':
        this.carryOut(read, batch);
        return;
      case 'malformed':
        void this.bury(record, read.reason).then(() =>
          this.answer(
            { command: read.attempt, replyTo: read.replyTo },
            failure('bad-payload', read.reason),
            answers,
          ),
        );
        return;
      case 'unreadable':
        this.counts.distrusted += read.cause === 'signature' ? 1 : 0;
        void this.bury(record, read.reason).then(() => answers.release());
        return;
    }
  }

  private carryOut(asked: ReadableCommand, batch: OpenBatch): void {
    const { command } = asked;
    const first = this.running.get(command.gid)?.asked;
    const one = new OpenCommand(asked, batch, this.keeper);
    if (first !== undefined && isCalledBy(first.command, command)) {
      // Those before it wait for its answer.
      batch.open.add(one);
      void new Turn(one).take();
      return;
    }
    if (this.turns.isBlocked(command.gid)) {
      this.answerBusy(asked, 'an earlier command of its transaction is still under way', batch.answers);
      return;
    }
    batch.open.add(one);
    one.isInLine = true;
    one.turn = this.turns.begin(command.gid, one);
  }

  private execute(one: OpenCommand): Promise<BranchReply> {
    const { command } = one.asked;
    if (one.isInLine) {
      one.sinceMs = this.options.nowMs();
      this.running.set(command.gid, one);
    }
    return this.options.participant.execute(command, {
      isLate: isLateAction(command, one.batch.nowMs),
      onCall: () => this.calls(one),
    });
  }

  private done(one: OpenCommand, reply: BranchReply): void {
    if (one.late === undefined) {
      this.answer(one.asked, reply, one.batch.answers);
    }
    this.end(one);
    one.late?.(() => reply);
  }

  private failed(one: OpenCommand, error: unknown): void {
    if (one.late === undefined) {
      one.batch.answers.fail(error);
    }
    this.end(one);
    one.late?.(() => {
      throw error;
    });
  }

  private end(one: OpenCommand): void {
    const { open, alarm } = one.batch;
    open.delete(one);
    this.calling.delete(one);
    if (one.isInLine) {
      this.running.delete(one.asked.command.gid);
    }
    if (open.size === 0) {
      alarm?.cancel();
    }
  }

  /** What it waits for may be asked of this process: its partition moves on at once, and all others soon. */
  private calls(one: OpenCommand): void {
    this.calling.add(one);
    this.letGo(one);
    this.moveOnSoon();
  }

  /** Those behind wait for a place, perhaps, which those have that call. */
  private moveOnSoon(): void {
    if (this.isMovingOn || this.calling.size === 0) {
      return;
    }
    this.isMovingOn = true;
    this.options.setTimer(CALLING_WAIT_MS, () => {
      this.isMovingOn = false;
      if (this.calling.size > 0) {
        this.letGoOfAll();
      }
    });
  }

  private letGoOfAll(): void {
    this.batches.forEach((batch) => batch.open.forEach((one) => this.letGo(one)));
  }

  private answer({ command, replyTo }: Asked, reply: BranchReply, answers: AnswerBatch): void {
    answers.send(this.options.replies.recordOf(command, reply, replyTo));
  }

  private answerBusy(asked: ReadableCommand, why: string, answers: AnswerBatch): void {
    this.answer(asked, this.busy(asked, why), answers);
  }

  private busy({ command }: ReadableCommand, why: string): BranchReply {
    this.counts.busy += 1;
    return failure(
      'unreachable',
      `Service '${command.service}' is busy: the command has not begun, for ${why}.`,
    );
  }

  /** Has those behind the batch wait no longer for what of it has not ended. */
  private goOnWithout(batch: OpenBatch): void {
    for (const one of batch.open) {
      if (one.turn?.leave() === 'withdrawn') {
        this.giveUp(one);
      } else {
        this.counts.slow += 1;
        this.leave(one);
      }
    }
    batch.open.clear();
    this.tellOfHanging();
  }

  /** Handlers that never return look like load from outside: whoever is called needs the name of one of them. */
  private tellOfHanging(): void {
    const { parallelMax, slowAfterMs, onTrouble, nowMs } = this.options;
    const hanging = [...this.running.values()].filter(({ turn }) => turn?.isLeft === true);
    const [oldest] = hanging;
    const wasTold = this.isHanging;
    this.isHanging = hanging.length >= parallelMax;
    if (oldest === undefined || wasTold || !this.isHanging) {
      return;
    }
    const { gid, branchId, op, service, action } = oldest.asked.command;
    const seconds = Math.round((nowMs() - oldest.sinceMs) / 1_000);
    const message =
      `All ${parallelMax} commands that may run at once take longer than ${slowAfterMs} ms, and what comes is answered that the service ` +
      `is busy. The oldest is the ${op} ${service}.${action} of branch ${branchId} of ${gid}, for ${seconds} s.`;
    onTrouble(new Error(message), 'commands that do not return');
  }

  private giveUp(one: OpenCommand): void {
    const why = 'those before it take too long';
    if (one.late === undefined) {
      this.answerBusy(one.asked, why, one.batch.answers);
    } else {
      one.late(() => this.busy(one.asked, why));
    }
  }

  /** Has the batch wait for it no longer, unless there are too many of that kind. It keeps its turn. */
  private letGo(one: OpenCommand): void {
    if (this.late.size < LATE_COUNT_MAX) {
      this.leave(one);
    }
  }

  /** The partition moves on, and the answer comes when it comes. If this process dies before that, the command is asked again. */
  private leave(one: OpenCommand): void {
    if (one.late !== undefined) {
      return;
    }
    const { command, replyTo } = one.asked;
    const { gid, branchId, op, service, action } = command;
    const answered = new Promise<() => BranchReply>((resolve) => {
      one.late = resolve;
    })
      .then(async (replyOf) =>
        this.options.client.send([this.options.replies.recordOf(command, replyOf(), replyTo)]),
      )
      .catch((error: unknown) => {
        this.counts.unanswered += 1;
        this.options.onTrouble(
          error,
          `the late answer to ${op} ${service}.${action} of ${branchId} of ${gid}`,
        );
      })
      .then(() => void this.late.delete(answered));
    this.late.add(answered);
    one.batch.answers.release();
  }

  /** A dead letter that cannot be stored holds nothing up for long: the record stays where it was for as long as the topic keeps it. */
  private async bury(record: ReceivedRecord, reason: string): Promise<void> {
    this.counts.dead += 1;
    this.options.onDead(record, reason);
    const letter: OutgoingRecord = deadRecord(record, { topic: deadTopic(this.options.prefix), reason });
    const { topic, partition, offset } = record;
    await sendWithRetries(this.options.client, [letter]).catch((error: unknown) => {
      this.options.onTrouble(error, `a dead letter, which stays at ${topic}/${partition}, offset ${offset}`);
    });
  }

  /**
   * What nobody knows of is tried again with the whole batch: the barrier repeats its answers. What the brokers have refused, or
   * do not take for long, is passed over, so that the others of the partition have their turn: its sender asks again.
   */
  private judge(batch: string, unstored: readonly Unstored[]): void {
    const attempt = (this.failedInARow.get(batch) ?? 0) + 1;
    const retryable = unstored.find(({ error }) => (error as { retryable?: boolean }).retryable === true);
    if (retryable !== undefined && attempt < REPLY_ATTEMPT_MAX) {
      if (this.failedInARow.size >= FAILED_COUNT_MAX) {
        this.failedInARow.clear();
      }
      this.failedInARow.set(batch, attempt);
      throw retryable.error;
    }
    this.failedInARow.delete(batch);
    const count = unstored.reduce((sum, one) => sum + one.count, 0);
    this.counts.unanswered += count;
    for (const { error } of unstored.slice(0, 1)) {
      this.options.onTrouble(error, `${count} answers to commands of ${batch}`);
    }
  }
}

/** Only an action may have to wait for one below it; the ends of branches keep their order. */
function isCalledBy(running: BranchCommand, command: BranchCommand): boolean {
  return running.op === 'action' && command.op === 'action' && isAbove(running, command);
}
