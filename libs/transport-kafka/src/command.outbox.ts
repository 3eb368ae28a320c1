import type { BranchErrorClass } from '@atone/core';
import type { Clock, Timer } from '@atone/engine';
import { KafkaSendError, type KafkaClient, type OutgoingRecord } from '@atone/kafka';
import {
  COMMAND_BYTES_MAX,
  bytesIfMore,
  commandRecord,
  replyTo,
  type BranchCommand,
  type RecordOrigin,
  type ReplyEnvelope,
  type ReplyPlace,
} from '@atone/protocol';
import { CommandQueue, type Waiting } from './command.queue.js';
import { TurnTopics } from './command.topic.js';

export interface OutboxOptions {
  readonly client: Pick<KafkaClient, 'send'>;
  readonly clock: Clock;
  /** How many commands are handed to the client at once. */
  readonly commandCountMax: number;
  readonly origin: () => RecordOrigin;
  readonly topicOf: (command: BranchCommand) => string | undefined;
  /** Says why there is no topic for the command. */
  readonly whyNoTopic: (command: BranchCommand) => string;
  /** Where the answer to the transaction's command is read here; undefined while it would be read by others. */
  readonly replyPlaceOf: (gid: string) => ReplyPlace | undefined;
  /** Told what cannot be sent, or is not known to be. */
  readonly onReply: (envelope: ReplyEnvelope) => void;
  /** Told what is about to leave, and to which topic. */
  readonly onLeave: (waiting: Waiting, topic: string) => void;
}

/** So much of its time a command may wait; then it is told why, before the engine gives it up without a reason. */
const WAITING_SHARE = 0.95;

/** The whole queue is looked through each time, so not for each command that expires. */
const EXPIRY_EVERY_MS = 20;

/**
 * Sends commands in batches: those of one turn together, and while a batch is on its way the next one fills. What could not
 * leave in its time never does.
 */
export class CommandOutbox {
  private readonly queue = new CommandQueue();
  private isScheduled = false;
  private isClosed = false;
  private sending: Promise<void> | undefined;
  private alarm: { readonly at: number; readonly timer: Timer } | undefined;

  constructor(private readonly options: OutboxOptions) {}

  add(command: BranchCommand, answerWithinMs: number): void {
    const nowMs = this.options.clock.now();
    this.queue.add({
      command,
      leaveBy: nowMs + answerWithinMs * WAITING_SHARE,
      giveUpAt: nowMs + answerWithinMs,
    });
    this.schedule();
  }

  /** Tries again what waits: answers may be read here now. */
  schedule(): void {
    if (!this.isScheduled && this.sending === undefined) {
      this.isScheduled = true;
      setImmediate(() => {
        this.isScheduled = false;
        this.flush();
      });
    }
  }

  /** Sends what was handed over in this turn, drops what has to wait, and resolves when the rest has left. */
  async close(): Promise<void> {
    this.flush();
    this.isClosed = true;
    this.queue.take(Infinity);
    this.alarm?.timer.cancel();
    await this.sending;
  }

  private flush(): void {
    if (this.isClosed || this.sending !== undefined) {
      return;
    }
    const batch = this.nextBatch();
    if (batch.size > 0) {
      this.sending = this.send(batch);
    }
    this.watch();
  }

  private nextBatch(): ReadonlyMap<OutgoingRecord, BranchCommand> {
    const batch = new Map<OutgoingRecord, BranchCommand>();
    const { commandCountMax, clock, replyPlaceOf, topicOf } = this.options;
    const topics = new TurnTopics(topicOf);
    while (batch.size === 0 && this.queue.size > 0) {
      if (replyPlaceOf('') === undefined) {
        break;
      }
      const nowMs = clock.now();
      for (const waiting of this.queue.take(commandCountMax)) {
        if (waiting.leaveBy <= nowMs) {
          this.replyLate(waiting);
        } else {
          this.enter(waiting, topics.of(waiting.command), batch);
        }
      }
    }
    return batch;
  }

  private enter(
    waiting: Waiting,
    topic: string | undefined,
    batch: Map<OutgoingRecord, BranchCommand>,
  ): void {
    const { command } = waiting;
    const place = this.options.replyPlaceOf(command.gid);
    if (topic === undefined || place === undefined) {
      this.reply(command, 'unreachable', this.options.whyNoTopic(command));
      return;
    }
    const record = commandRecord(command, { topic, replyTo: place }, this.options.origin());
    const bytes = bytesIfMore(record.value, COMMAND_BYTES_MAX);
    if (bytes !== undefined) {
      const message = `The command was not sent: its ${bytes} octets are more than the ${COMMAND_BYTES_MAX} that a record may have.`;
      this.reply(command, 'bad-payload', message);
      return;
    }
    this.options.onLeave(waiting, topic);
    batch.set(record, command);
  }

  private async send(batch: ReadonlyMap<OutgoingRecord, BranchCommand>): Promise<void> {
    try {
      await this.options.client.send([...batch.keys()]);
    } catch (error) {
      this.replyFailed(batch, error);
    }
    this.sending = undefined;
    this.flush();
  }

  /** Whatever is not known to be stored may be carried out all the same, except where the broker has said no. */
  private replyFailed(batch: ReadonlyMap<OutgoingRecord, BranchCommand>, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const isTooLarge = error instanceof KafkaSendError && error.failure === 'too-large';
    const failed = error instanceof KafkaSendError ? error.records : [...batch.keys()];
    for (const record of failed) {
      const command = batch.get(record);
      if (command !== undefined) {
        this.reply(command, isTooLarge ? 'bad-payload' : 'unreachable', message);
      }
    }
  }

  /** Wakes up for what expires while it waits, so that it is told. */
  private watch(): void {
    const at = this.queue.leaveByMin;
    if (this.queue.size === 0 || this.isClosed || (this.alarm !== undefined && this.alarm.at <= at)) {
      return;
    }
    this.alarm?.timer.cancel();
    const delayMs = Math.max(EXPIRY_EVERY_MS, at - this.options.clock.now());
    const timer = this.options.clock.setTimer(delayMs, () => {
      this.alarm = undefined;
      this.queue.takeLate(this.options.clock.now()).forEach((waiting) => this.replyLate(waiting));
      this.watch();
    });
    this.alarm = { at, timer };
  }

  private replyLate({ command }: Waiting): void {
    const why =
      this.options.replyPlaceOf(command.gid) === undefined
        ? 'this coordinator reads no partition of the replies at the moment, so that nobody would hear of the answer'
        : 'its time was over before Kafka had taken what was sent before it';
    this.reply(command, 'unreachable', `It was not sent: ${why}.`);
  }

  private reply(command: BranchCommand, errorClass: BranchErrorClass, message: string): void {
    this.options.onReply(replyTo(command, { outcome: 'unknown', error: { class: errorClass, message } }));
  }
}
