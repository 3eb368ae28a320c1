import type { BranchReply } from '@atone/core';
import type { KafkaClient, OutgoingRecord, Subscription } from '@atone/kafka';
import {
  attemptKey,
  COMMAND_BYTES_MAX,
  commandRecord,
  deadTopic,
  isCommandsTopic,
  repliesTopic,
  TOPIC_PREFIX,
  type BranchCommand,
  type SigningKey,
} from '@atone/protocol';
import { failure } from '../branch.failure.js';
import { NotConnectedError } from '../client.ports.js';
import type { SendAttempt } from '../led/branch.call.js';
import type { KafkaCalls, KafkaRoute } from '../led/kafka.calls.port.js';
import { MisuseError } from '../participant.error.js';
import { AnswerIntake, type AnswerCounts } from './answer.intake.js';
import { AwaitedAnswers } from './awaited.answers.js';
import { CallOutbox } from './call.outbox.js';
import { Cue } from './cue.js';
import { defaultClock, type KafkaCommandsClock } from './kafka.clock.js';
import { readyTopics, type NewTopics } from './ready.topics.js';

export interface KafkaCallsOptions {
  /** Who calls. */
  readonly service: string;
  /** Stays open when the calls are closed: others may use it too. */
  readonly client: KafkaClient;
  /** By the first, commands are signed; by any one of them, answers. Default: none, and the brokers alone decide who may answer. */
  readonly keys?: readonly SigningKey[] | undefined;
  /** How old the signature of an answer may be. Default: seven days. */
  readonly signatureAgeMaxMs?: number | undefined;
  /** What the names of all topics begin with. Default: `atone`. */
  readonly prefix?: string | undefined;
  /** Creates topics that are missing. Default: that is an error. */
  readonly createTopics?: NewTopics | undefined;
  /** Whether services are called over Kafka that take requests as well. Default: no, for a request is answered sooner. */
  readonly preferred?: boolean | undefined;
  /** Is told of what goes wrong, never of a payload. Default: nothing is logged. */
  readonly log?: { warn(fields: object, message: string): void } | undefined;
  /** Default: the system's. */
  readonly clock?: KafkaCommandsClock | undefined;
}

/** The calls of a service over Kafka, and what became of records that were no answers to them. */
export interface CountedKafkaCalls extends KafkaCalls {
  readonly counts: Readonly<AnswerCounts>;
}

/** Returns what has the calls of a service go over Kafka. Nothing is connected before one is expected. */
export function createKafkaCalls(options: KafkaCallsOptions): CountedKafkaCalls {
  return new CallsOverKafka(options);
}

/**
 * Sends commands, and hears of the answers in the partitions of one topic which this process holds: all instances of the service share
 * them. While it holds none calls wait.
 */
class CallsOverKafka implements CountedKafkaCalls {
  readonly isPreferred: boolean;
  private readonly topic: string;
  private readonly prefix: string;
  private readonly clock: KafkaCommandsClock;
  private readonly answers = new AwaitedAnswers();
  private readonly assigned = new Cue();
  private readonly intake: AnswerIntake;
  private readonly outbox: CallOutbox;
  private held: readonly number[] = [];
  private opening: Promise<Subscription> | undefined;
  private isClosed = false;

  constructor(private readonly options: KafkaCallsOptions) {
    const { service, client, keys = [], prefix = TOPIC_PREFIX, clock = defaultClock() } = options;
    this.isPreferred = options.preferred === true;
    this.prefix = prefix;
    this.topic = repliesTopic(prefix, service);
    this.clock = clock;
    this.outbox = new CallOutbox(client, () => clock.now());
    this.intake = new AnswerIntake({
      client,
      prefix,
      trust: () => ({ keys, nowMs: clock.now(), ageMaxMs: options.signatureAgeMaxMs }),
      answers: this.answers,
      onTrouble: (error, what) => this.warn(error, what),
    });
  }

  get counts(): Readonly<AnswerCounts> {
    return this.intake.counts;
  }

  get isReady(): boolean {
    return this.held.length > 0;
  }

  open(): void {
    this.join().catch((error: unknown) => this.warn(error, 'what answers to calls are read from'));
  }

  reaches(topic: string): boolean {
    return isCommandsTopic(this.prefix, topic);
  }

  async route(command: BranchCommand, { topic, replyTimeoutMs }: KafkaRoute): Promise<SendAttempt> {
    const leaveBy = this.clock.now() + replyTimeoutMs;
    await this.inTime(this.ready(), replyTimeoutMs);
    return async () => this.exchange(command, { topic, replyTimeoutMs, leaveBy });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.assigned.fire();
    this.answers.end(CLOSED);
    const subscription = await this.opening?.catch(() => undefined);
    await subscription?.close();
    await this.outbox.idle();
  }

  private async ready(): Promise<void> {
    await this.join();
    await this.outbox.idle();
    while (!this.isReady && !this.isClosed) {
      // oxlint-disable no-await-in-loop -- what was there may be gone again
      await this.assigned.next();
      await this.outbox.idle();
      // oxlint-enable no-await-in-loop
    }
  }

  /** Whoever tries again after a failure finds out whether it was mended. */
  private async join(): Promise<Subscription> {
    this.opening ??= this.subscribe().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  private async subscribe(): Promise<Subscription> {
    const { client } = this.options;
    this.refuseIfClosed();
    await this.readyTopics();
    this.refuseIfClosed();
    return client.subscribe({
      groupId: this.topic,
      topics: [this.topic],
      // Who holds a partition for the first time may have named it in a command before it has read a record of it.
      from: 'earliest',
      onBatch: async (batch) => this.intake.take(batch),
      onAssignment: (partitions) => this.hold(partitions.get(this.topic) ?? []),
      onTrouble: (error) => this.warn(error, 'the answers to calls'),
    });
  }

  private async readyTopics(): Promise<void> {
    const { client, service, createTopics } = this.options;
    const names = [this.topic, deadTopic(this.prefix)];
    const purpose = `The service '${service}' calls others over Kafka`;
    try {
      await readyTopics({ client, names, createTopics, purpose });
    } catch (error) {
      throw (error as { readonly retryable?: boolean }).retryable === false
        ? new MisuseError(messageOf(error), { cause: error })
        : error;
    }
  }

  private hold(partitions: readonly number[]): void {
    this.held = this.isClosed ? [] : partitions;
    this.intake.counts.askedAgain += this.answers.keep(this.held);
    if (this.isReady) {
      this.assigned.fire();
    }
  }

  private refuseIfClosed(): void {
    if (this.isClosed) {
      throw new NotConnectedError(CLOSED);
    }
  }

  private async exchange(
    command: BranchCommand,
    { topic, replyTimeoutMs, leaveBy }: KafkaRoute & { readonly leaveBy: number },
  ): Promise<BranchReply> {
    this.refuseIfClosed();
    const partition = this.partitionFor(command);
    const record = this.recordOf(command, topic, partition);
    const attempt = attemptKey(command);
    const answer = this.answers.expect(attempt, partition);
    const silence = this.silence(replyTimeoutMs);
    const notSent = this.outbox.send(record, leaveBy).then(async () => NEVER);
    try {
      return await Promise.race([answer, silence.reply, notSent]);
    } finally {
      silence.cancel();
      this.answers.forget(attempt);
    }
  }

  /** All answers of a transaction come by one partition, while it is held. */
  private partitionFor({ gid }: BranchCommand): number {
    const turn = Number.parseInt(gid.slice(-6), 16) || 0;
    const partition = this.held[turn % this.held.length];
    if (partition === undefined) {
      throw new NotConnectedError(this.nothingHeld());
    }
    return partition;
  }

  private recordOf(command: BranchCommand, topic: string, partition: number): OutgoingRecord {
    const { service, keys = [] } = this.options;
    const place = { topic, replyTo: { topic: this.topic, partition } };
    const nowMs = this.clock.now();
    const record = commandRecord(command, place, {
      source: `/services/${service}`,
      nowMs,
      signingKey: keys[0],
    });
    const bytes = Buffer.byteLength(record.value);
    if (bytes > COMMAND_BYTES_MAX) {
      const why = `The command has ${bytes} octets, and ${COMMAND_BYTES_MAX} is the most that a record may have.`;
      throw new NotConnectedError(why, { cause: new MisuseError(why) });
    }
    return record;
  }

  private silence(withinMs: number): { readonly reply: Promise<BranchReply>; readonly cancel: () => void } {
    const timers: { cancel(): void }[] = [];
    const reply = new Promise<BranchReply>((resolve) => {
      const why = `No answer came over Kafka within ${withinMs} ms.`;
      timers.push(this.clock.setTimer(withinMs, () => resolve(failure('unreachable', why))));
    });
    return { reply, cancel: () => timers.forEach((timer) => timer.cancel()) };
  }

  /** @throws Error when it takes too long, with the reason. */
  private async inTime(work: Promise<void>, withinMs: number): Promise<void> {
    const timers: { cancel(): void }[] = [];
    const late = new Promise<never>((_, reject) => {
      timers.push(this.clock.setTimer(withinMs, () => reject(new Error(this.whyLate()))));
    });
    await Promise.race([work, late]).finally(() => timers.forEach((timer) => timer.cancel()));
  }

  private whyLate(): string {
    return this.isReady
      ? 'It was not sent: Kafka has not taken yet what was sent before it.'
      : this.nothingHeld();
  }

  private nothingHeld(): string {
    return (
      `It was not sent: this process reads no partition of ${this.topic}, so that nobody would hear of the answer. It joins as soon as ` +
      'there are brokers; if there are, more instances share the topic than it has partitions.'
    );
  }

  private warn(error: unknown, what: string): void {
    const { service, log } = this.options;
    log?.warn({ service, topic: this.topic, error: messageOf(error) }, `trouble with ${what}`);
  }
}

const CLOSED = 'This process has stopped to hear of answers.';

const NEVER = new Promise<never>(() => undefined);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
