import kafkajs, { type Kafka, type Producer, type RecordMetadata, type TopicMessages } from 'kafkajs';
import { METADATA_AGE_MS, STORE_TIMEOUT_MS } from '../limits.js';

/** A producer that connects when it is first used, and lets go of the brokers when nobody uses it any more. */
export class LentProducer {
  private readonly producer: Producer;
  private readonly madeAt = performance.now();
  private readonly using = new Set<Promise<unknown>>();
  private connecting: Promise<void> | undefined;

  constructor(kafka: Kafka) {
    // Not idempotent: of a partition there is one request under way at a time, and a repeat does no harm.
    this.producer = kafka.producer({
      allowAutoTopicCreation: false,
      metadataMaxAge: METADATA_AGE_MS,
      retry: { retries: 0 },
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
  }

  get ageMs(): number {
    return performance.now() - this.madeAt;
  }

  async send(topicMessages: TopicMessages[]): Promise<readonly RecordMetadata[]> {
    const sending = this.sendOnce(topicMessages);
    this.using.add(sending);
    try {
      return await sending;
    } finally {
      this.using.delete(sending);
    }
  }

  /** Waits for what is under way, and lets go. */
  async putAway(): Promise<void> {
    await Promise.allSettled(this.using);
    if (this.connecting !== undefined) {
      await this.producer.disconnect().catch(() => undefined);
    }
  }

  private async sendOnce(topicMessages: TopicMessages[]): Promise<readonly RecordMetadata[]> {
    this.connecting ??= this.producer.connect();
    try {
      await this.connecting;
    } catch (error) {
      this.connecting = undefined;
      throw error;
    }
    return this.producer.sendBatch({ acks: -1, timeout: STORE_TIMEOUT_MS, topicMessages });
  }
}
