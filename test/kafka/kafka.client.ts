import { randomBytes } from 'node:crypto';
import { Partitioners } from 'kafkajs';
import { until } from '../harness/until.js';
import { SilentClient } from './silent.client.js';

/** Returns the brokers of this test run. */
export function testBrokers(): string[] {
  const brokers = process.env['ATONE_TEST_KAFKA'];
  if (!brokers) {
    throw new Error('There is no Kafka: run these tests by `npm run test:kafka`.');
  }
  return brokers.split(',');
}

/** Returns a name that no other test has. */
export function newName(what: string): string {
  return `${what}-${randomBytes(6).toString('hex')}`;
}

/** Who leaves waits for what he is fetching, five seconds by default. */
export const FETCH_WAIT_MS = 100;

/** Sends messages to a topic, and reads all of it. */
export class TestKafka extends SilentClient {
  async createTopics(topics: readonly string[]): Promise<void> {
    const wanted = topics.map((topic) => ({ topic, numPartitions: 1 }));
    await this.withAdmin(async (admin) => admin.createTopics({ topics: wanted, waitForLeaders: true }));
  }

  /** Has a topic have this many partitions. */
  async addPartitions(topic: string, count: number): Promise<void> {
    await this.withAdmin(async (admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.withAdmin(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      await until(`${topic} is gone`, async () => !(await admin.listTopics()).includes(topic));
    });
  }

  /** Deletes the first records of a topic's first partition, those before this offset. */
  async deleteRecords(topic: string, before: number): Promise<void> {
    const partitions = [{ partition: 0, offset: String(before) }];
    await this.withAdmin(async (admin) => {
      // Else it does not know where the topic is.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions });
    });
  }

  /** Returns how many partitions a topic has: none, if it does not exist. */
  async partitionCount(topic: string): Promise<number> {
    return this.withAdmin(async (admin) => {
      const topics = await admin.listTopics();
      return topics.includes(topic) ? (await admin.fetchTopicOffsets(topic)).length : 0;
    });
  }

  /** Returns how many members each of these groups has. */
  async memberCounts(groups: readonly string[]): Promise<number[]> {
    return this.withAdmin(async (admin) => {
      const described = await admin.describeGroups([...groups]);
      return groups.map(
        (name) => described.groups.find(({ groupId }) => groupId === name)?.members.length ?? 0,
      );
    });
  }

  /** Settles when the broker has acknowledged all of them. */
  async send(topic: string, ...values: readonly string[]): Promise<void> {
    const producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    try {
      await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) });
    } finally {
      await producer.disconnect();
    }
  }

  /** Returns the next `count` messages for a group, and has the group begin behind them the next time. */
  async receive(topic: string, count: number, groupId = newName('group')): Promise<string[]> {
    const consumer = this.kafka.consumer({ groupId, maxWaitTimeInMs: FETCH_WAIT_MS });
    await consumer.connect();
    const values: string[] = [];
    try {
      await consumer.subscribe({ topic, fromBeginning: true });
      await new Promise<void>((resolve, reject) => {
        const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
          values.push(message.value?.toString() ?? '');
          if (values.length === count) {
            resolve();
          }
        };
        consumer.run({ eachMessage }).catch(reject);
      });
    } finally {
      await consumer.disconnect();
    }
    return values;
  }
}
