import type { BranchReply } from '@atone/core';
import type { KafkaClient, OutgoingRecord, Subscription } from '@atone/kafka';
import {
  attemptKey,
  COMMAND_BYTES_MAX,
  commandRecord,
  deadTopic,
  isCommandsTopic,
  repliesTopic,
  replyPartitionOf,
  serviceSource,
  TOPIC_PREFIX,
  type BranchCommand,
  type SigningKey,
} from '@atone/protocol';
import { failure } from '../branch.failure.js';
import type { LedClient } from '../client.led.js';
import { NotConnectedError } from '../client.ports.js';
import type { SendAttempt } from '../led/branch.call.js';
import type { KafkaCalls, KafkaRoute } from '../led/kafka.calls.port.js';
import { MisuseError } from '../participant.error.js';
import { AnswerIntake, type AnswerCounts } from './answer.intake.js';
import { AwaitedAnswers } from './awaited.answers.js';
import { CallOutbox } from './call.outbox.js';
import { Cue } from './cue.js';
import { defaultClock, type KafkaCommandsClock } from './kafka.clock.js';
import { KafkaLines, type KafkaLog } from './kafka.lines.js';
import { OwnLog } from './own.log.js';
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
  /** Tells which log the calls belong to, for services that serve another one. Default: services of any log are called. */
  readonly coordinator?: Pick<LedClient, 'logInfo'> | undefined;
  /** Creates topics that are missing. Default: that is an error. */
  readonly createTopics?: NewTopics | undefined;
  /** Whether services are called over Kafka that take requests as well. Default: no, for a request is answered sooner. */
  readonly preferred?: boolean | undefined;
  /** Is told of what goes wrong, never of a payload. Default: nothing is logged. */
  readonly log?: KafkaLog | undefined;
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
  /** Something is otherwise than it was: what kept a call from leaving may be gone. */
  private readonly changed = new Cue();
  private readonly intake: AnswerIntake;
  private readonly outbox: CallOutbox;
  private readonly ownLog: OwnLog | undefined;
  private readonly lines: KafkaLines;
  private held: readonly number[] = [];
  private opening: Promise<Subscription> | undefined;
  private isClosed = false;

  constructor(private readonly options: KafkaCallsOptions) {
    const { service, client, keys = [], prefix = TOPIC_PREFIX, clock = defaultClock() } = options;
    this.isPreferred = options.preferred === true;
    this.prefix = prefix;
    this.topic = repliesTopic(prefix, service);
    this.clock = clock;
    this.ownLog = options.coordinator && new OwnLog(options.coordinator, clock);
    this.outbox = new CallOutbox(client, { nowMs: () => clock.now(), onIdle: () => this.changed.fire() });
    this.lines = new KafkaLines({ log: options.log, nowMs: () => clock.now(), service, topic: this.topic });
    this.intake = new AnswerIntake({
      client,
      prefix,
      trust: () => ({ keys, nowMs: clock.now(), ageMaxMs: options.signatureAgeMaxMs }),
      answers: this.answers,
      onTrouble: (error, what) => this.lines.trouble(error, what),
      onDead: (record, reason) => this.lines.dead(record, reason),
    });
  }

  get counts(): Readonly<AnswerCounts> {
    return this.intake.counts;
  }

  get isReady(): boolean {
    return this.held.length > 0;
  }

  open(): void {
    this.ownLog?.learn();
    this.join().catch((error: unknown) => this.lines.trouble(error, 'what answers to calls are read from'));
  }

  reaches(topic: string): boolean {
    return isCommandsTopic(this.prefix, topic);
  }

  async route(command: BranchCommand, { topic, replyTimeoutMs }: KafkaRoute): Promise<SendAttempt> {
    const leaveBy = this.clock.now() + replyTimeoutMs;
    await this.ownLog?.first();
    if (!this.wouldLeave) {
      await this.readyWithin(replyTimeoutMs);
    }
    return async () => this.exchange(command, { topic, replyTimeoutMs, leaveBy });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.changed.fire();
    this.answers.end(CLOSED);
    const subscription = await this.opening?.catch(() => undefined);
    await subscription?.close();
    await this.outbox.idle();
  }

  private get wouldLeave(): boolean {
    return this.isReady && this.outbox.isIdle;
  }

  /** @throws Error when it takes too long, with the reason. @throws what keeps this process from joining */
  private async readyWithin(withinMs: number): Promise<void> {
    const late = new AbortController();
    const timer = this.clock.setTimer(withinMs, () => late.abort(new Error(this.whyLate())));
    try {
      await this.ready(late.signal);
    } finally {
      timer.cancel();
    }
  }

  private async ready(late: AbortSignal): Promise<void> {
    while (!this.wouldLeave && !this.isClosed) {
      // Its failure wakes all who wait here: of a promise that they share each would leave something behind.
      const change = this.changed.next(late);
      if (this.opening === undefined) {
        this.join().catch(() => undefined);
      }
      // oxlint-disable-next-line no-await-in-loop -- what was there may be gone again
      await change;
    }
  }

  /** Whoever tries again after a failure finds out whether it was mended. */
  private async join(): Promise<Subscription> {
    this.opening ??= this.subscribe().catch((error: unknown) => {
      this.opening = undefined;
      this.changed.fire(error);
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
      onTrouble: (error) => this.lines.trouble(error, 'the answers to calls'),
      onRecovery: () => this.lines.hears(),
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
    this.lines.reads(partitions);
    this.held = this.isClosed ? [] : partitions;
    this.intake.counts.askedAgain += this.answers.keep(this.held);
    if (this.isReady) {
      this.changed.fire();
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
    const timers: { cancel(): void }[] = [];
    try {
      // By hand: what is raced with a promise that outlives it is kept by that one, with its answer.
      return await new Promise<BranchReply>((resolve, reject) => {
        this.answers.expect(attempt, partition, resolve);
        timers.push(this.clock.setTimer(replyTimeoutMs, () => resolve(silence(replyTimeoutMs))));
        this.outbox.send(record, leaveBy).catch(reject);
      });
    } finally {
      timers.forEach((timer) => timer.cancel());
      this.answers.forget(attempt);
    }
  }

  /** All answers of a transaction come by one partition, while it is held. */
  private partitionFor({ gid }: BranchCommand): number {
    const partition = replyPartitionOf(gid, this.held);
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
      source: serviceSource(service, this.ownLog?.id),
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
}

const CLOSED = 'This process has stopped to hear of answers.';

function silence(withinMs: number): BranchReply {
  return failure('unreachable', `No answer came over Kafka within ${withinMs} ms.`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
