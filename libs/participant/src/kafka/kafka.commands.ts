import type { KafkaClient, ReceivedRecord } from '@atone/kafka';
import {
  commandsTopic,
  deadTopic,
  serviceSource,
  TOPIC_PREFIX,
  type ParticipantInstance,
  type SigningKey,
} from '@atone/protocol';
import type { LedClient } from '../client.led.js';
import type { Participant } from '../participant.js';
import { CommandIntake, type CommandCounts } from './command.intake.js';
import { defaultClock, type KafkaCommandsClock } from './kafka.clock.js';
import { KafkaLines, type KafkaLog } from './kafka.lines.js';
import { LogGate } from './log.gate.js';
import { OwnLog } from './own.log.js';
import { readyTopics, type NewTopics } from './ready.topics.js';
import { ReplyRecords } from './reply.records.js';

/** How many transactions have a command under way at once, if nothing else is said. */
const PARALLEL_MAX = 64;

/** How long a batch waits for a command, if nothing else is said. */
const SLOW_AFTER_MS = 10_000;

/** Commands do not wait until the answers to those before them are stored. */
const PARALLEL_BATCH_MAX = 8;

export interface KafkaCommandsOptions {
  readonly participant: Participant;
  /** Stays open when the commands are closed: others may use it too. */
  readonly client: KafkaClient;
  /** The colour of traffic that is taken. Default: what has none. */
  readonly lane?: string | undefined;
  /**
   * The secrets by which coordinators may sign, any one of them; by the first, the answers are signed. Default: none, and
   * whoever the brokers let write to the topic is obeyed.
   */
  readonly keys?: readonly SigningKey[] | undefined;
  /** How old a signature may be, for a command may wait for long. Default: seven days. */
  readonly signatureAgeMaxMs?: number | undefined;
  /** What the names of all topics begin with. Default: `atone`. */
  readonly prefix?: string | undefined;
  /**
   * Tells which log is that of this service: commands of another one, which uses the same brokers with the same prefix, are put
   * with the dead letters. Default: those of any log are carried out.
   */
  readonly coordinator?: Pick<LedClient, 'logInfo'> | undefined;
  /** The consumer group of all instances of the service in the lane. Default: the name of the topic without `commands`. */
  readonly groupId?: string | undefined;
  /** Creates topics that are missing. Default: that is an error. */
  readonly createTopics?: NewTopics | undefined;
  /** How many transactions have a command under way at once. Default: 64. The participant has a limit of its own. */
  readonly parallelMax?: number | undefined;
  /**
   * How long its batch waits for a command that does not return: then the partition moves on though it still runs. A few batches behind
   * it are under way meanwhile. Default: 10 s.
   */
  readonly slowAfterMs?: number | undefined;
  /** Is told of what goes wrong, never of a payload. Default: nothing is logged. */
  readonly log?: KafkaLog | undefined;
  /** Default: the system's. */
  readonly clock?: KafkaCommandsClock | undefined;
}

/** A service that takes its commands over Kafka. */
export interface KafkaCommands {
  /** What the catalogue has to know of this instance. */
  readonly kafka: NonNullable<ParticipantInstance['kafka']>;
  /** What became of records, beside those that were carried out and answered in time. */
  readonly counts: Readonly<CommandCounts>;
  /** Takes no more commands, and resolves when those that run are through and answered. */
  close(): Promise<void>;
}

/**
 * Takes the commands of a service from its topic, in batches. Different transactions run at the same time, each of them in order.
 * Their place is committed after their effects, and after their answers are stored: what is taken twice finds its answer in the
 * barrier.
 *
 * @throws MisuseError for a topic that cannot be, or is missing.
 * @throws {KafkaTopicError} for topics that may not be created. @throws {KafkaUnreachableError}
 */
export async function startKafkaCommands(options: KafkaCommandsOptions): Promise<KafkaCommands> {
  const { participant, client, lane, prefix = TOPIC_PREFIX, log, clock = defaultClock() } = options;
  const topic = commandsTopic(prefix, participant.service, lane);
  await readyTopics({
    client,
    names: [topic, deadTopic(prefix)],
    createTopics: options.createTopics,
    purpose: `The service '${participant.service}' takes its commands over Kafka`,
  });
  const { service } = participant;
  const lines = new KafkaLines({ log, nowMs: () => clock.now(), service, topic });
  const { intake, gate } = intakeOf(options, lines);
  const subscription = await client.subscribe({
    groupId: options.groupId ?? topic.replace('.commands.', '.'),
    topics: [topic],
    // What was sent before the first instance had joined is as good as any other.
    from: 'earliest',
    parallelBatchMax: PARALLEL_BATCH_MAX,
    onBatch: async (batch) => {
      lines.hears();
      await intake.take(gate === undefined ? batch : await gate.sift(batch));
    },
    onMembership: (isMember) => (isMember ? lines.hears() : undefined),
    onAssignment: (partitions) => lines.reads(partitions.get(topic) ?? []),
    onTrouble: (error) => lines.trouble(error),
    onRecovery: () => lines.hears(),
  });
  return {
    kafka: { topic },
    counts: intake.counts,
    async close() {
      await subscription.close();
      await intake.idle();
    },
  };
}

interface Intake {
  readonly intake: CommandIntake;
  /** Undefined where nobody tells which log is that of the service. */
  readonly gate: LogGate | undefined;
}

function intakeOf(options: KafkaCommandsOptions, lines: KafkaLines): Intake {
  const { participant, client, keys = [], prefix = TOPIC_PREFIX, clock = defaultClock() } = options;
  const { service } = participant;
  const ownLog = options.coordinator && new OwnLog(options.coordinator, clock);
  ownLog?.learn();
  const shared = {
    client,
    prefix,
    trust: () => ({ keys, nowMs: clock.now(), ageMaxMs: options.signatureAgeMaxMs }),
    replies: new ReplyRecords(() => ({
      source: serviceSource(service, ownLog?.id),
      nowMs: clock.now(),
      signingKey: keys[0],
    })),
    onTrouble: (error: unknown, what: string) => lines.trouble(error, what),
  };
  const intake = new CommandIntake({
    ...shared,
    participant,
    nowMs: () => clock.now(),
    parallelMax: options.parallelMax ?? PARALLEL_MAX,
    slowAfterMs: options.slowAfterMs ?? SLOW_AFTER_MS,
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
    onDead: (record, reason) => lines.dead(record, reason),
  });
  const onOther = (record: ReceivedRecord, reason: string): void => {
    intake.counts.dead += 1;
    lines.other(record, reason);
  };
  return { intake, gate: ownLog && new LogGate({ ...shared, ownLog, onOther }) };
}
