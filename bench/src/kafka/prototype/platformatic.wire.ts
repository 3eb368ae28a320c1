import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
  type BaseOptions,
} from '@platformatic/kafka';
import type { ReceivedMessage, Wire, WireConsumer, WireMessage } from './wire.js';

const FETCH_WAIT_MS = 200;

/** `@platformatic/kafka` as it is. */
export class PlatformaticWire implements Wire {
  private readonly options: BaseOptions;
  private readonly producer: Producer<string, string, string, string>;

  constructor(brokers: readonly string[]) {
    this.options = { clientId: 'prototype', bootstrapBrokers: [...brokers] };
    this.producer = new Producer({ ...this.options, serializers: stringSerializers });
  }

  async createTopics(names: readonly string[], partitionCount: number): Promise<void> {
    const admin = new Admin(this.options);
    await admin.createTopics({ topics: [...names], partitions: partitionCount, replicas: 1 });
    await admin.metadata({ topics: [...names] });
    await admin.close();
  }

  async send(topic: string, messages: readonly WireMessage[]): Promise<void> {
    await this.producer.send({ acks: -1, messages: messages.map((message) => ({ topic, ...message })) });
  }

  async consume(
    topic: string,
    onMessages: (messages: readonly ReceivedMessage[]) => void,
  ): Promise<WireConsumer> {
    const consumer = new Consumer({
      ...this.options,
      groupId: `${topic}.group`,
      deserializers: stringDeserializers,
      maxWaitTime: FETCH_WAIT_MS,
      autocommit: false,
    });
    const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' });
    stream.on('data', ({ value, headers, partition, offset }) =>
      onMessages([{ value, header: (name) => headers.get(name), partition, offset }]),
    );
    return {
      commit: (offsets) =>
        consumer.commit({
          offsets: [...offsets].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 })),
        }),
    };
  }
}
