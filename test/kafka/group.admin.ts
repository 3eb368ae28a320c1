import { KafkaJSError, type Admin } from 'kafkajs';
import { until } from '../harness/until.js';
import { FETCH_WAIT_MS, newName } from './kafka.client.js';
import { SilentClient } from './silent.client.js';

interface Place {
  readonly partition: number;
  /** Of the first record that is there. */
  readonly begin: bigint;
  /** Behind the last one. */
  readonly offset: bigint;
}

/** What an administrator may do to the topics and the groups of others. */
export class GroupAdmin extends SilentClient {
  /** Returns how many members each of these groups has. */
  async memberCounts(groups: readonly string[]): Promise<number[]> {
    return this.withAdmin(async (admin) => {
      const described = await admin.describeGroups([...groups]);
      return groups.map((name) => {
        const group = described.groups.find(({ groupId }) => groupId === name);
        // Before it is stable, those who left may be counted among them.
        return group?.state === 'Stable' ? group.members.length : 0;
      });
    });
  }

  /** Tells whether nobody is in any of these groups. */
  async areEmpty(groups: readonly string[]): Promise<boolean> {
    return this.withAdmin(async (admin) => {
      const described = await admin.describeGroups([...groups]);
      return described.groups.every(({ state }) => state === 'Empty' || state === 'Dead');
    });
  }

  /** Returns how many records of a topic a group has not dealt with. */
  async lag(groupId: string, topic: string): Promise<number> {
    return this.withAdmin(async (admin) => {
      const ends = await endsOf(admin, topic);
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const done = new Map(found?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
      return ends.reduce((sum, { partition, begin, offset }) => {
        const next = done.get(partition) ?? 0n;
        return sum + Number(offset - (next < begin ? begin : next));
      }, 0);
    });
  }

  /** Returns how many records a topic holds. */
  async heldCount(topic: string): Promise<number> {
    const ends = await this.withAdmin(async (admin) => endsOf(admin, topic));
    return ends.reduce((sum, { begin, offset }) => sum + Number(offset - begin), 0);
  }

  /** Returns how many records were ever written to a topic. */
  async recordCount(topic: string): Promise<number> {
    const ends = await this.withAdmin(async (admin) => endsOf(admin, topic));
    return ends.reduce((sum, { offset }) => sum + Number(offset), 0);
  }

  /** Has a group without members begin a topic anew. */
  async reset(groupId: string, topic: string): Promise<void> {
    await this.withAdmin(async (admin) => admin.resetOffsets({ groupId, topic, earliest: true }));
  }

  /** Reads what is written to a topic from now on, until it is told to stop. */
  async follow(topic: string, onValue: (value: string) => void): Promise<{ stop(): Promise<void> }> {
    const groupId = newName('follower');
    await this.withAdmin(async (admin) => {
      const ends = await endsOf(admin, topic);
      const partitions = ends.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
      await admin.setOffsets({ groupId, topic, partitions });
    });
    const consumer = this.kafka.consumer({ groupId, maxWaitTimeInMs: FETCH_WAIT_MS });
    await consumer.connect();
    await consumer.subscribe({ topic });
    await consumer.run({ eachMessage: async ({ message }) => onValue(message.value?.toString() ?? '') });
    return { stop: async () => consumer.disconnect() };
  }

  /** Deletes all records of a topic. */
  async truncate(topic: string): Promise<void> {
    await this.withAdmin(async (admin) => {
      const ends = await endsOf(admin, topic);
      const partitions = ends.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
      await admin.deleteTopicRecords({ topic, partitions });
    });
  }
}

/** Asks again where leaders are being elected: kafkajs gives up at once when it has just heard of brokers that do not lead. */
async function endsOf(admin: Admin, topic: string): Promise<readonly Place[]> {
  const offsets = await until(`there are leaders of ${topic}`, async () =>
    admin.fetchTopicOffsets(topic).catch((error: unknown) => {
      if (error instanceof KafkaJSError) {
        return undefined;
      }
      throw error;
    }),
  );
  return offsets.map(({ partition, low, high }) => ({ partition, begin: BigInt(low), offset: BigInt(high) }));
}
