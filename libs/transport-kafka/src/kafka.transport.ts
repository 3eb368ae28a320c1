import type { BranchTransport, Catalogue, Clock, ReplyFate, ReplySink } from '@atone/engine';
import type { KafkaClient, ReceivedBatch, ReceivedRecord, Subscription } from '@atone/kafka';
import {
  coordinatorSource,
  repliesTopic,
  replyPartitionOf,
  replyTo,
  TOPIC_PREFIX,
  type BranchCommand,
  type ReplyEnvelope,
  type ReplyPlace,
  type SigningKey,
  type TopicSpread,
} from '@atone/protocol';
import { CommandOutbox } from './command.outbox.js';
import { topicOf } from './command.topic.js';
import { coordinatorTopics } from './coordinator.topics.js';
import { Cut } from './cut.js';
import { DEFAULT_LIMITS, type KafkaTransportLimits } from './limits.js';
import { nobodyWords } from './nobody.words.js';
import { ReplyIntake, type IntakeCounts, type OwnerPartitions } from './reply.intake.js';
import { silenceWords } from './silence.words.js';
import { SpareWatch } from './spare.watch.js';
import { Unanswered, type Asked } from './unanswered.js';

/** Replies that end nothing do not wait for the write of an end that came before them. */
const PARALLEL_BATCH_MAX = 8;

export interface KafkaTransportOptions {
  /** Stays open when the transport is closed: others may use it too. */
  readonly client: KafkaClient;
  /** Who takes which commands. Read anew for each of them. */
  readonly catalogue: Pick<Catalogue, 'instancesOf'>;
  readonly clock: Clock;
  /** By which others know this coordinator. */
  readonly instanceId: string;
  /** By what the log is told from others at the same brokers. Without it participants cannot know whose commands these are. */
  readonly logId?: string | undefined;
  /** What the names of all topics begin with. Default: `atone`. */
  readonly prefix?: string | undefined;
  /** The consumer group of all coordinators. Default: `<prefix>.coordinators`. */
  readonly groupId?: string | undefined;
  /** Signs each command. Without it participants that require signatures refuse all of them. */
  readonly signingKey?: SigningKey | undefined;
  /** Who may send replies, any one of them. Default: whoever has the signing key; without one, whoever the brokers let. */
  readonly keys?: readonly SigningKey[] | undefined;
  /** How old the signature of a reply may be. Default: seven days. */
  readonly signatureAgeMaxMs?: number | undefined;
  /** Who drives what this instance does not. Without it their replies are passed over, and asked for again. */
  readonly ownerPartitions?: OwnerPartitions | undefined;
  /** Creates the topics of the replies and of the dead letters, if they are missing. Default: somebody else has. */
  readonly createTopics?: TopicSpread | undefined;
  /** Called whenever it changes with the partitions of the replies that this instance reads. */
  readonly onAssignment?: ((partitions: readonly number[]) => void) | undefined;
  /** Called whenever `isSpare` changes. */
  readonly onSpare?: ((isSpare: boolean) => void) | undefined;
  readonly limits?: Partial<KafkaTransportLimits> | undefined;
  /** Called when something has come from the brokers: a batch, or that this instance belongs to the group. */
  readonly onHeard?: (() => void) | undefined;
  /** Told of each record that is put with the dead letters, and why. */
  readonly onDead?: ((record: ReceivedRecord, reason: string) => void) | undefined;
  /** Told of each reply of a service that belongs to another log. */
  readonly onOther?: ((record: ReceivedRecord, otherLogId: string) => void) | undefined;
  /** Told of what goes wrong here or at the reply sink; it is tried again, or passed over. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

/**
 * Asks participants over Kafka. A command names a partition of the replies that this instance holds, so that the answer comes
 * to whoever drives the transaction. While none is held commands wait.
 *
 * A batch of replies is done when what it caused is in the log.
 */
export class KafkaTransport implements BranchTransport {
  private readonly repliesTopic: string;
  private readonly limits: KafkaTransportLimits;
  private readonly outbox: CommandOutbox;
  private readonly intake: ReplyIntake;
  private readonly unanswered: Unanswered;
  private readonly watch: SpareWatch;
  private readonly cut = new Cut();
  private held: readonly number[] = [];
  private sink: ReplySink | undefined;
  private state: 'open' | 'draining' | 'closed' = 'open';
  private joining: Promise<Subscription> | undefined;
  private subscription: Subscription | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: KafkaTransportOptions) {
    const { client, clock, instanceId, logId, signingKey, catalogue, prefix = TOPIC_PREFIX } = options;
    const source = coordinatorSource(instanceId, logId);
    const keys = options.keys ?? (signingKey === undefined ? [] : [signingKey]);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.repliesTopic = repliesTopic(prefix);
    this.unanswered = new Unanswered(clock, (asked) => this.tellSilence(asked));
    this.watch = new SpareWatch(clock, (isSpare) => options.onSpare?.(isSpare));
    this.outbox = new CommandOutbox({
      client,
      clock,
      commandCountMax: this.limits.commandCountMax,
      origin: () => ({ source, nowMs: clock.now(), signingKey }),
      topicOf: (command) =>
        topicOf(command, { instances: catalogue.instancesOf(command.service), prefix, nowMs: clock.now() }),
      whyNoTopic: (command) =>
        nobodyWords({ command, instances: catalogue.instancesOf(command.service), prefix }),
      replyPlaceOf: (gid) => this.replyPlaceOf(gid),
      onReply: (envelope) => void this.deliver(envelope),
      onLeave: (waiting, topic) => this.unanswered.add(waiting, topic),
    });
    this.intake = new ReplyIntake({
      client,
      prefix,
      instanceId,
      logId,
      trust: () => ({ keys, nowMs: clock.now(), ageMaxMs: options.signatureAgeMaxMs }),
      deliver: (envelope) => this.deliver(envelope),
      isHeld: (partition) => this.held.includes(partition),
      ownerPartitions: options.ownerPartitions,
      onTrouble: (error) => options.onTrouble?.(error),
      onDead: (record, reason) => options.onDead?.(record, reason),
      onOther: (record, other) => options.onOther?.(record, other),
    });
  }

  /** What became of records that were no replies to this instance, since the start. */
  get counts(): Readonly<IntakeCounts> {
    return this.intake.counts;
  }

  /** The partitions of the replies that this instance reads. */
  get partitions(): readonly number[] {
    return this.held;
  }

  /**
   * Whether this instance has belonged to the group for some seconds without a partition to read: there are more coordinators than
   * partitions, and none of its commands would leave. Brokers that cannot be reached are something else.
   */
  get isSpare(): boolean {
    return this.watch.isSpare;
  }

  onReply(sink: ReplySink): void {
    this.sink = sink;
  }

  /**
   * Begins to read replies. Commands wait until it does. Where it could not begin it may be asked again.
   *
   * @throws {KafkaTopicError} for topics that may not be created, with what an administrator has to run.
   * @throws {KafkaUnreachableError}
   */
  async start(): Promise<void> {
    this.joining ??= this.join();
    try {
      this.subscription = await this.joining;
    } catch (error) {
      this.joining = undefined;
      throw error;
    }
  }

  private async join(): Promise<Subscription> {
    const { client, prefix = TOPIC_PREFIX, groupId = `${prefix}.coordinators`, onTrouble } = this.options;
    const { createTopics } = this.options;
    if (createTopics !== undefined) {
      await client.createTopics(coordinatorTopics(prefix, createTopics));
    }
    return client.subscribe({
      groupId,
      topics: [this.repliesTopic],
      // Whoever holds a partition for the first time may have named it in a command before it read a record of it.
      from: 'earliest',
      recordCountMax: this.limits.replyCountMax,
      parallelBatchMax: PARALLEL_BATCH_MAX,
      onBatch: async (batch) => {
        this.options.onHeard?.();
        await this.take(batch);
      },
      onAssignment: (partitions) => {
        this.held = partitions.get(this.repliesTopic) ?? [];
        this.watch.holds(this.held.length);
        this.outbox.schedule();
        this.options.onAssignment?.(this.held);
      },
      onMembership: (isMember) => {
        this.watch.belongs(isMember);
        if (isMember) {
          this.options.onHeard?.();
        }
      },
      onTrouble,
      onRecovery: () => this.options.onHeard?.(),
    });
  }

  /** Hands a command over. After `close` it is dropped without a reply. */
  send(command: BranchCommand, answerWithinMs: number): void {
    if (this.state === 'open') {
      this.outbox.add(command, answerWithinMs);
    }
  }

  /** Drops what was not sent yet, waits for the replies to the rest, but no longer than the limit, and leaves the group. */
  async close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.state = 'draining';
    this.watch.end();
    const timer = this.options.clock.setTimer(this.limits.drainMs, () => this.cut.make());
    await this.cut.orMade(this.drained()).catch(() => undefined);
    this.state = 'closed';
    this.unanswered.end();
    await this.leaveGroup();
    timer.cancel();
  }

  private async drained(): Promise<void> {
    await this.outbox.close();
    await this.unanswered.drained();
  }

  /** A batch whose writes the log does not answer is left to whoever comes next, once the time is over. */
  private async leaveGroup(): Promise<void> {
    if (this.subscription === undefined) {
      // Nobody can tell when it will have joined; it leaves then.
      void this.joining?.then((late) => late.close()).catch(() => undefined);
      return;
    }
    try {
      await this.subscription.close();
    } catch (error) {
      this.options.onTrouble?.(error);
    }
  }

  private async take(batch: ReceivedBatch): Promise<void> {
    if (this.state === 'closed') {
      throw new Error(
        'The transport was closed: the replies are left to whoever holds their partition next.',
      );
    }
    await this.cut.orMade(this.intake.take(batch));
  }

  /** One partition for all commands of a transaction: then its replies keep their order. */
  private replyPlaceOf(gid: string): ReplyPlace | undefined {
    const { held } = this;
    const partition = replyPartitionOf(gid, held);
    return partition === undefined ? undefined : { topic: this.repliesTopic, partition };
  }

  /** Asking again is the engine's; this only tells it for whom it has waited. */
  private tellSilence({ command, topic }: Asked): void {
    const { catalogue, clock } = this.options;
    const instances = catalogue.instancesOf(command.service);
    const message = silenceWords({ service: command.service, topic, instances, nowMs: clock.now() });
    void this.deliver(replyTo(command, { outcome: 'unknown', error: { class: 'timeout', message } }));
  }

  /** What goes wrong with one reply outside must not keep the others of its batch from being told. */
  private deliver(envelope: ReplyEnvelope): ReplyFate | void {
    if (this.state === 'closed') {
      return undefined;
    }
    try {
      return this.sink?.(envelope);
    } catch (error) {
      this.options.onTrouble?.(error);
      return undefined;
    } finally {
      this.unanswered.remove(envelope);
    }
  }
}
