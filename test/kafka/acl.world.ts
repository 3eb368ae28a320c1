import type { KafkaClient, KafkaConnection, ReceivedRecord, SubscriptionOptions } from '@atone/kafka';
import { kafkajsClient } from '@atone/kafka/kafkajs';
import { commandRecord } from '@atone/protocol';
import { KafkaSagas, KEY } from '../harness/kafka.sagas.js';
import { REAL_TIME } from './real.scene.js';

/** A user of the brokers; the password is the name. */
export function saslOf(
  username: string,
): NonNullable<KafkaConnection['sasl']> & { readonly mechanism: 'plain' } {
  return { mechanism: 'plain', username, password: username };
}

const GARBAGE = { key: 'k', value: 'no command', headers: {} };

const GID = '019b7704-7c00-7000-8000-5d6a1c0f3b21';

/** A day of coordinator, services, an initiator and an operator, each of whom logs in to the brokers as himself. */
export class AclWorld {
  /** What the brokers did not let somebody do. */
  readonly refusals: string[] = [];
  private readonly sagas: KafkaSagas<KafkaClient>;
  private readonly clients: KafkaClient[] = [];

  constructor(
    private readonly brokers: readonly string[],
    private readonly prefix: string,
  ) {
    this.sagas = new KafkaSagas({
      ...REAL_TIME,
      connect: (who = 'coordinator') => this.connect(who),
      prefix,
    });
  }

  /** Returns what came of it: of a saga, of a call, and why there are dead letters. Ends early when somebody is refused something. */
  async live(): Promise<Readonly<Record<string, unknown>>> {
    const { sagas } = this;
    const seen: { state?: string | undefined; answer?: string; dead: Set<string> } = { dead: new Set() };
    try {
      await sagas.open({ instanceCount: 1 });
      const { engine, transport } = await sagas.coordinator();
      await this.until(() => transport.partitions.length > 0);
      const gid = await sagas.submit(engine);
      await Promise.all([
        this.leaveGarbage(),
        this.lead((answer) => (seen.answer = answer)),
        this.operate(({ headers }) => seen.dead.add(headers['atone-dead-topic'] ?? '')),
      ]);
      await this.until(async () => {
        seen.state = await sagas.stateOf(gid);
        return seen.state === 'committed' && seen.answer !== undefined && seen.dead.size === 3;
      });
    } catch (error) {
      this.refuse(error);
    }
    return { ...seen, dead: [...seen.dead].toSorted() };
  }

  async close(): Promise<void> {
    await this.sagas.end();
    await Promise.all(this.clients.map(async (client) => client.close()));
  }

  private async leaveGarbage(): Promise<void> {
    const topics = ['replies', 'commands.stock'].map((name) => `${this.prefix}.${name}`);
    await this.join('admin').send(topics.map((topic) => ({ topic, ...GARBAGE })));
  }

  /** Calls a service as an initiator does, and buries what it cannot read. */
  private async lead(onAnswer: (answer: string) => void): Promise<void> {
    const client = this.join('trips');
    const topic = `${this.prefix}.replies.trips`;
    await this.demand(client, topic);
    await client.subscribe({
      groupId: topic,
      topics: [topic],
      from: 'earliest',
      onBatch: async ({ records }) => records.forEach(({ value }) => onAnswer(value ?? '')),
    });
    const nowMs = Date.now();
    const attempt = { gid: GID, branchId: '1', op: 'action', round: 1, attempt: 1 } as const;
    const command = { ...attempt, service: 'stock', action: 'do', input: { name: 'trip' }, issuedAt: nowMs };
    const place = { topic: `${this.prefix}.commands.stock`, replyTo: { topic, partition: 0 } };
    const origin = { source: '/services/trips', nowMs, signingKey: KEY };
    const letter = { topic: `${this.prefix}.dead`, ...GARBAGE, headers: { 'atone-dead-topic': topic } };
    await client.send([commandRecord(command, place, origin), letter]);
  }

  private async operate(onDead: (record: ReceivedRecord) => void): Promise<void> {
    const [client, topic] = [this.join('operator'), `${this.prefix}.dead`];
    await this.demand(client, topic);
    await client.subscribe({
      groupId: `${this.prefix}.operator`,
      topics: [topic],
      from: 'earliest',
      onBatch: async ({ records }) => records.forEach(onDead),
    });
  }

  /** Whoever reads looks for the topic first: one that he may not see is none to him, and he would wait for it. */
  private async demand(client: KafkaClient, topic: string): Promise<void> {
    if (!(await client.partitionCounts([topic])).has(topic)) {
      throw new Error(`There is no topic ${topic}.`);
    }
  }

  private async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    await this.sagas.until(async () => this.refusals.length > 0 || (await isSo()));
  }

  private join(who: string): KafkaClient {
    const client = this.connect(who);
    this.clients.push(client);
    return client;
  }

  /** Returns a client whose refusals are noted. */
  private connect(who: string): KafkaClient {
    const client = kafkajsClient({ brokers: this.brokers, clientId: who, sasl: saslOf(who) });
    const note = (error: unknown): never => {
      this.refuse(error);
      throw error;
    };
    return {
      brokers: client.brokers,
      send: async (records) => client.send(records).catch(note),
      subscribe: async (options: SubscriptionOptions) =>
        client.subscribe({ ...options, onTrouble: (error) => this.refuse(error) }),
      partitionCounts: async (topics) => client.partitionCounts(topics),
      createTopics: async (topics) => client.createTopics(topics),
      close: async () => client.close(),
    };
  }

  /** Other trouble passes. */
  private refuse(error: unknown): void {
    const words = error instanceof Error ? error.message : String(error);
    if (/authori[sz]|there is no such topic|there is no topic/iu.test(words)) {
      this.refusals.push(words);
    }
  }
}
