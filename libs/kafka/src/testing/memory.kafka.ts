import { KafkaSendError, KafkaTopicError } from '../kafka.error.js';
import type { OutgoingRecord, ReceivedRecord, TopicSettings } from '../kafka.port.js';
import { partitionOf } from '../partition.choice.js';
import { topicCommands } from '../topic.commands.js';
import { MEMORY_BROKERS, MemoryClient } from './memory.client.js';
import { systemClock, type MemoryClock } from './memory.clock.js';
import { MemoryGroup } from './memory.group.js';
import type { MemoryMember } from './memory.member.js';
import { MemoryPartition } from './memory.partition.js';

/** What may happen to a record that is to be stored. `lost`: it is acknowledged, and gone. */
export type RecordFate = 'stored' | 'lost' | 'twice';

/** What may happen to a request. `unanswered`: it is carried out, and nobody learns of it. `unreachable`: it is not. */
export type RequestFate = 'answered' | 'unanswered' | 'unreachable';

/** Where a broker may take its time. `notice`: until a member hears of a rebalance, and goes on with what it had. */
export type MemoryStep = 'send' | 'answer' | 'deliver' | 'commit' | 'notice';

/** Decides what goes wrong. Each is asked anew each time. */
export interface MemoryFaults {
  /** Default: `stored`. */
  readonly record?: (record: OutgoingRecord) => RecordFate;
  /** Default: `answered`. */
  readonly request?: (records: readonly OutgoingRecord[]) => RequestFate;
  /** Whether a commit gets lost. A later one of the same partition makes up for it. Default: none does. */
  readonly isCommitLost?: () => boolean;
  /** Default: 0, and no timer is set for it. */
  readonly delayMs?: (step: MemoryStep) => number;
}

export interface MemoryKafkaOptions {
  /** Default: the time of this machine. Nothing else is random or timed. */
  readonly clock?: MemoryClock;
  readonly faults?: MemoryFaults;
  /** How many copies of a topic it can hold. Default: 1 */
  readonly brokerCount?: number;
  /** The most bytes of a record's value. Default: a million. */
  readonly recordBytesMax?: number;
}

/** A Kafka in memory: topics, partitions and consumer groups, and whatever may go wrong with them. */
export class MemoryKafka {
  readonly clock: MemoryClock;
  /** May be exchanged at any time. */
  faults: MemoryFaults;
  private readonly topics = new Map<string, readonly MemoryPartition[]>();
  private readonly groups = new Map<string, MemoryGroup>();

  constructor(private readonly options: MemoryKafkaOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.faults = options.faults ?? {};
  }

  /** Returns a client, for which other things may go wrong than for those that are given no faults of their own. */
  client(faults?: MemoryFaults): MemoryClient {
    return new MemoryClient(this, () => faults ?? this.faults);
  }

  /** Returns all that a topic holds, one partition after the other. */
  records(topic: string): readonly ReceivedRecord[] {
    return this.partitionsOf(topic).flatMap(({ all }) => all);
  }

  /** Returns the offset of the next record for a group, if it has committed any. */
  committed(groupId: string, topic: string, partition: number): bigint | undefined {
    return this.group(groupId).offsetOf(topic, partition);
  }

  /** Moves the partitions of a group to other members, while the former are still at their batches. */
  rebalance(groupId: string): void {
    this.group(groupId).rebalance();
  }

  /** Has a group read a topic from the earliest record on, or from now on, as its members were told. */
  resetOffsets(groupId: string, topic: string): void {
    this.group(groupId).forget(topic);
  }

  /** Loses all that a topic holds. */
  truncate(topic: string): void {
    this.partitionsOf(topic).forEach((partition) => partition.truncate());
  }

  async createTopics(topics: readonly TopicSettings[]): Promise<void> {
    const { brokerCount = 1 } = this.options;
    const missing = topics.filter(({ name }) => !this.topics.has(name));
    const refused = missing.filter(({ replicationFactor }) => replicationFactor > brokerCount);
    missing.filter((topic) => !refused.includes(topic)).forEach((topic) => this.createTopic(topic));
    if (refused.length > 0) {
      const cause = new Error(`There are ${brokerCount} brokers for the copies.`);
      throw new KafkaTopicError(
        refused.map(({ name }) => name),
        topicCommands(MEMORY_BROKERS, refused),
        { cause },
      );
    }
  }

  /** Returns 0 for a topic that does not exist. */
  partitionCount(topic: string): number {
    return this.partitionsOf(topic).length;
  }

  partition(topic: string, partition: number): MemoryPartition {
    const found = this.partitionsOf(topic)[partition];
    if (found === undefined) {
      throw new Error(`There is no partition ${partition} of ${topic}.`);
    }
    return found;
  }

  group(groupId: string): MemoryGroup {
    const group = this.groups.get(groupId) ?? new MemoryGroup((topic) => this.partitionCount(topic));
    this.groups.set(groupId, group);
    return group;
  }

  /** Stores the records of one request. @throws {KafkaSendError} */
  async store(records: readonly OutgoingRecord[], faults: MemoryFaults): Promise<void> {
    await this.delay('send', faults);
    this.refuseWrong(records);
    const fate = faults.request?.(records) ?? 'answered';
    if (fate !== 'unreachable') {
      records.forEach((record) => this.storeOne(record, faults));
    }
    await this.delay('answer', faults);
    if (fate !== 'answered') {
      throw new KafkaSendError('unreachable', records);
    }
  }

  /** Puts a member out of its group that is heard of no more. */
  expel(member: MemoryMember): void {
    this.groups.forEach((group) => group.leave(member));
  }

  async delay(step: MemoryStep, faults: MemoryFaults): Promise<void> {
    const ms = faults.delayMs?.(step) ?? 0;
    if (ms > 0) {
      await new Promise<void>((resolve) => {
        this.clock.setTimer(ms, resolve);
      });
    }
  }

  private createTopic({ name, partitionCount }: TopicSettings): void {
    const partitions = Array.from(
      { length: partitionCount },
      (_, partition) => new MemoryPartition(name, partition),
    );
    this.topics.set(name, partitions);
    this.groups.forEach((group) => group.noticeTopic(name));
  }

  private partitionsOf(topic: string): readonly MemoryPartition[] {
    return this.topics.get(topic) ?? [];
  }

  private refuseWrong(records: readonly OutgoingRecord[]): void {
    const { recordBytesMax = 1_000_000 } = this.options;
    if (records.some(({ topic }) => !this.topics.has(topic))) {
      throw new KafkaSendError('no-topic', records);
    }
    if (records.some(({ value }) => Buffer.byteLength(value ?? '') > recordBytesMax)) {
      throw new KafkaSendError('too-large', records);
    }
    if (records.some((record) => record.partition !== undefined && this.isOutside(record))) {
      throw new KafkaSendError('refused', records, { cause: new Error('there is no such partition') });
    }
  }

  private isOutside({ topic, partition = 0 }: OutgoingRecord): boolean {
    return partition < 0 || partition >= this.partitionCount(topic);
  }

  private storeOne(record: OutgoingRecord, faults: MemoryFaults): void {
    const partition = this.partition(record.topic, partitionOf(record, this.partitionCount(record.topic)));
    const fate = faults.record?.(record) ?? 'stored';
    const times = { lost: 0, stored: 1, twice: 2 }[fate];
    for (let time = 0; time < times; time += 1) {
      partition.append(record, this.clock.now());
    }
  }
}

/** Returns a client of a Kafka in memory. */
export function memoryClient(kafka = new MemoryKafka()): MemoryClient {
  return kafka.client();
}
