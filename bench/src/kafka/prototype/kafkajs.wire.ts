import kafkajs, { type Producer } from 'kafkajs';
import type { ReceivedMessage, Wire, WireConsumer, WireMessage } from './wire.js';

const FETCH_WAIT_MS = 200;

/** kafkajs as it is. */
export class KafkajsWire implements Wire {
  private readonly kafka: kafkajs.Kafka;
  private readonly producer: Producer;
  private readonly connecting: Promise<void>;

  constructor(brokers: readonly string[]) {
    this.kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.ERROR });
    this.producer = this.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    this.connecting = this.producer.connect();
  }

  async createTopics(names: readonly string[], partitionCount: number): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    await admin.createTopics({
      topics: names.map((topic) => ({ topic, numPartitions: partitionCount, replicationFactor: 1 })),
      waitForLeaders: true,
    });
    await admin.disconnect();
  }

  async send(topic: string, messages: readonly WireMessage[]): Promise<void> {
    await this.connecting;
    await this.producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages: [...messages] }] });
  }

  async consume(
    topic: string,
    onMessages: (messages: readonly ReceivedMessage[]) => void,
  ): Promise<WireConsumer> {
    const consumer = this.kafka.consumer({ groupId: `${topic}.group`, maxWaitTimeInMs: FETCH_WAIT_MS });
    const joined = new Promise((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, resolve);
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages } }) => {
        onMessages(
          messages.map(({ value, headers, offset }) => ({
            value: value?.toString() ?? '',
            header: (name) => headers?.[name]?.toString(),
            partition,
            offset: BigInt(offset),
          })),
        );
      },
    });
    await joined;
    return {
      commit: (offsets) =>
        consumer.commitOffsets(
          [...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
        ),
    };
  }
}
