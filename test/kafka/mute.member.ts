import type { Consumer } from 'kafkajs';
import { Gate } from '../harness/until.js';
import { TestKafka } from './kafka.client.js';
import { SilentClient } from './silent.client.js';

/** Until then brokers wait for a member that says nothing. It is more than any coordinator may take for its stop. */
const SILENCE_MS_MAX = 60_000;

/** A member of a group that is at its first record until it may leave, and answers nothing meanwhile: not even that it goes along with a rebalance. */
export class MuteMember extends SilentClient {
  private readonly begun = new Gate();
  private readonly over = new Gate();
  private readonly consumer: Consumer;

  private constructor(
    brokers: readonly string[],
    private readonly groupId: string,
  ) {
    super(brokers);
    this.consumer = this.kafka.consumer({
      groupId,
      sessionTimeout: SILENCE_MS_MAX,
      rebalanceTimeout: SILENCE_MS_MAX,
      maxWaitTimeInMs: 100,
    });
  }

  /** Makes the topic, joins, and resolves when it says nothing more. */
  static async join(
    brokers: readonly string[],
    { groupId, topic }: { readonly groupId: string; readonly topic: string },
  ): Promise<MuteMember> {
    const kafka = new TestKafka(brokers);
    await kafka.createTopics([topic]);
    await kafka.send(topic, 'something');
    const member = new MuteMember(brokers, groupId);
    await member.consume(topic);
    return member;
  }

  /** As the broker calls it. */
  async groupState(): Promise<string | undefined> {
    return this.withAdmin(async (admin) => {
      const { groups } = await admin.describeGroups([this.groupId]);
      return groups[0]?.state;
    });
  }

  async leave(): Promise<void> {
    this.over.open();
    await this.consumer.disconnect();
  }

  private async consume(topic: string): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topic, fromBeginning: true });
    await this.consumer.run({
      eachMessage: async () => {
        this.begun.open();
        await this.over.passage;
      },
    });
    await this.begun.passage;
  }
}
