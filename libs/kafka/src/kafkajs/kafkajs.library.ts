import kafkajs, { type Admin, type Kafka, type KafkaConfig } from 'kafkajs';
import type { Place } from '../consuming/group.work.js';
import { isTopicRefusal, sendFailureOf } from '../broker.codes.js';
import type { SendFailure } from '../kafka.error.js';
import type { KafkaConnection, TopicSettings } from '../kafka.port.js';
import type { Consumption, KafkaLibrary, PlacedRecord } from '../library.port.js';
import { PartlyStoredError } from '../stored.places.js';
import { kafkajsConfig } from './kafkajs.config.js';
import { consumeByKafkajs } from './kafkajs.consumption.js';
import { brokerCodes } from './kafkajs.errors.js';
import { KafkajsProducers } from './kafkajs.producers.js';

/** What kafkajs offers. */
export class KafkajsLibrary implements KafkaLibrary {
  private readonly config: KafkaConfig;
  private readonly kafka: Kafka;
  private readonly producers: KafkajsProducers;

  constructor(connection: KafkaConnection) {
    this.config = kafkajsConfig(connection);
    this.kafka = new kafkajs.Kafka(this.config);
    this.producers = new KafkajsProducers(this.kafka);
  }

  async store(records: readonly PlacedRecord[]): Promise<void> {
    await this.producers.store(records);
  }

  storedDespite(error: unknown): readonly Place[] {
    return error instanceof PartlyStoredError ? error.stored : [];
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
        existing.length === 0 ? { topics: [] } : await admin.fetchTopicMetadata({ topics: existing });
      return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
    });
  }

  async createTopic(topic: TopicSettings): Promise<string | undefined> {
    const { name, partitionCount, replicationFactor, settings = {} } = topic;
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    const wanted = { topic: name, numPartitions: partitionCount, replicationFactor, configEntries };
    try {
      await this.withAdmin(async (admin) => admin.createTopics({ topics: [wanted], waitForLeaders: true }));
      return undefined;
    } catch (error) {
      if (brokerCodes(error).includes('UNKNOWN_TOPIC_OR_PARTITION')) {
        // It was created, and the broker that was asked for its leaders had not heard of it. To create what exists is no error.
        return this.createTopic(topic);
      }
      const code = brokerCodes(error).find(isTopicRefusal);
      if (code === undefined) {
        throw error;
      }
      return code;
    }
  }

  async consume(consumption: Consumption): Promise<void> {
    await consumeByKafkajs(this.config, consumption);
  }

  async close(): Promise<void> {
    await this.producers.close();
  }

  private async withAdmin<Answer>(work: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
