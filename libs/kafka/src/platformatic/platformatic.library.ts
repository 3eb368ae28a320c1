import {
  Admin,
  Producer,
  type BaseOptions,
  type ClusterMetadata,
  type MessageToProduce,
} from '@platformatic/kafka';
import type { Place } from '../consuming/group.work.js';
import { isTopicRefusal, sendFailureOf } from '../broker.codes.js';
import type { SendFailure } from '../kafka.error.js';
import type { KafkaConnection, TopicSettings } from '../kafka.port.js';
import type { Consumption, KafkaLibrary, PlacedRecord } from '../library.port.js';
import { STORE_TIMEOUT_MS } from '../limits.js';
import { refuseUnanswered } from '../stored.places.js';
import { platformaticConfig } from './platformatic.config.js';
import { PlatformaticConsumption } from './platformatic.consumption.js';
import { brokerCodes, storedPlaces } from './platformatic.errors.js';
import { textSerializers } from './text.serializers.js';

/** What `@platformatic/kafka` offers. */
export class PlatformaticLibrary implements KafkaLibrary {
  private readonly config: BaseOptions;
  private readonly producer: Producer<string, string, string, string>;

  constructor(connection: KafkaConnection) {
    this.config = platformaticConfig(connection);
    // Not idempotent: of a partition there is one request under way at a time, and a repeat does no harm.
    this.producer = new Producer({
      ...this.config,
      retries: 0,
      repeatOnStaleMetadata: false,
      timeout: STORE_TIMEOUT_MS,
      requestTimeout: STORE_TIMEOUT_MS,
      serializers: textSerializers,
    });
    this.producer.on('error', () => undefined);
  }

  async store(records: readonly PlacedRecord[]): Promise<void> {
    try {
      await this.learnPartitions(records);
      const { offsets = [] } = await this.producer.send({ messages: records.map(messageOf), acks: -1 });
      refuseUnanswered(records, offsets);
    } catch (error) {
      // A broker's answer may mean that partitions or leaders are others than it knows.
      this.producer.clearMetadata();
      throw error;
    }
  }

  storedDespite(error: unknown): readonly Place[] {
    return storedPlaces(error);
  }

  failureOf(error: unknown): SendFailure {
    return sendFailureOf(brokerCodes(error));
  }

  async partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.withAdmin(async (admin) => {
      // To ask by name for one that does not exist would be an error after many tries.
      const all = new Set(await admin.listTopics());
      const existing = topics.filter((topic) => all.has(topic));
      const metadata =
        existing.length === 0
          ? { topics: new Map<string, never>() }
          : await admin.metadata({ topics: existing });
      return new Map([...metadata.topics].map(([name, { partitionsCount }]) => [name, partitionsCount]));
    });
  }

  async createTopic(topic: TopicSettings): Promise<string | undefined> {
    const { name, partitionCount, replicationFactor, settings = {} } = topic;
    const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    try {
      await this.withAdmin(async (admin) => {
        await admin.createTopics({
          topics: [name],
          partitions: partitionCount,
          replicas: replicationFactor,
          configs,
        });
        // Waits until it has leaders.
        await admin.metadata({ topics: [name] });
      });
      return undefined;
    } catch (error) {
      const codes = brokerCodes(error);
      const code = codes.find(isTopicRefusal);
      if (code !== undefined) {
        return code;
      }
      if (codes.includes('TOPIC_ALREADY_EXISTS')) {
        return undefined;
      }
      throw error;
    }
  }

  async consume(consumption: Consumption): Promise<void> {
    await new PlatformaticConsumption(this.config, consumption).run();
  }

  async close(): Promise<void> {
    await this.producer.close();
  }

  /** It would send a record for a partition that it does not know of yet to another one. */
  private async learnPartitions(records: readonly PlacedRecord[]): Promise<void> {
    const topics = [...new Set(records.map(({ topic }) => topic))];
    const known = await this.producer.metadata({ topics });
    if (records.some(isOutside(known))) {
      const news = await this.producer.metadata({ topics, forceUpdate: true });
      const missing = records.find(isOutside(news));
      if (missing !== undefined) {
        throw new Error(`The broker knows no partition ${missing.partition} of ${missing.topic}.`);
      }
    }
  }

  private async withAdmin<Answer>(work: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const admin = new Admin(this.config);
    admin.on('error', () => undefined);
    try {
      return await work(admin);
    } finally {
      await admin.close();
    }
  }
}

function isOutside({ topics }: ClusterMetadata): (record: PlacedRecord) => boolean {
  return ({ topic, partition }) => partition >= (topics.get(topic)?.partitionsCount ?? 0);
}

/** A tombstone has no value at all. */
function messageOf({ topic, key, partition, headers, value }: PlacedRecord): Message {
  return value === undefined ? { topic, key, partition, headers } : { topic, key, partition, headers, value };
}

type Message = MessageToProduce<string, string, string, string>;
