import { inspect } from 'node:util';
import type {
  KafkaClient,
  KafkaConnection,
  OutgoingRecord,
  ReceivedRecord,
  SubscriptionOptions,
} from '@atone/kafka';
import { commandRecord } from '@atone/protocol';
import { KafkaSagas, KEY } from '../harness/kafka.sagas.js';
import { orderTopics, startOrders, startStock, type AclService } from './acl.services.js';
import type { ClientLibrary } from './kafka.worlds.js';
import { REAL_TIME } from './real.scene.js';

/** A user of the brokers; the password is the name. */
export function saslOf(
  username: string,
): NonNullable<KafkaConnection['sasl']> & { readonly mechanism: 'plain' } {
  return { mechanism: 'plain', username, password: username };
}

const GARBAGE = { key: 'k', value: 'no command', headers: {} };

const GID = '019b7704-7c00-7000-8000-5d6a1c0f3b21';

interface Hearing {
  readonly topic: string;
  readonly groupId: string;
  readonly onValue?: (value: string) => void;
  readonly onRecord?: (record: ReceivedRecord) => void;
}

/** A day of coordinator, services, a lane, an initiator, a service with messages of its own and an operator, each of whom logs in to the brokers as himself. */
export class AclWorld {
  /** What the brokers did not let somebody do. */
  readonly refusals: string[] = [];
  private readonly sagas: KafkaSagas<KafkaClient>;
  private readonly clients: KafkaClient[] = [];
  private readonly services: AclService[] = [];

  constructor(
    private readonly library: ClientLibrary,
    private readonly brokers: readonly string[],
    readonly prefix: string,
  ) {
    this.sagas = new KafkaSagas({
      ...REAL_TIME,
      connect: (who = 'coordinator') => this.connect(who),
      prefix,
    });
  }

  /** Returns what came of it: of a saga, of calls and a request, and why there are dead letters. Ends early when somebody is refused something. */
  async live(): Promise<Readonly<Record<string, unknown>>> {
    const { sagas, prefix } = this;
    const seen = {
      state: '',
      answers: new Array<string>(),
      orders: new Array<string>(),
      dead: new Set<string>(),
    };
    try {
      await sagas.open({ instanceCount: 1 });
      const { engine, transport } = await sagas.coordinator();
      await this.until(() => transport.partitions.length > 0);
      const gid = await sagas.submit(engine);
      this.services.push(await startStock({ client: this.join('stock'), prefix }, 'green'));
      this.services.push(await startOrders({ client: this.join('orders'), prefix }));
      await Promise.all([
        this.leaveGarbage(),
        this.lead((answer) => seen.answers.push(answer)),
        this.order((answer) => seen.orders.push(answer)),
        this.operate(({ headers }) => seen.dead.add(headers['atone-dead-topic'] ?? '')),
      ]);
      await this.until(async () => {
        seen.state = (await sagas.stateOf(gid)) ?? '';
        return (
          seen.state === 'committed' &&
          seen.answers.length > 1 &&
          seen.orders.length > 0 &&
          seen.dead.size > 3
        );
      });
    } catch (error) {
      this.refuse(error);
    }
    return { ...seen, dead: [...seen.dead].toSorted() };
  }

  /** Returns a client of this user, whose refusals are noted. */
  join(who: string): KafkaClient {
    const client = this.connect(who);
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await this.sagas.end();
    await Promise.all(this.services.map(async (service) => service.close()));
    await Promise.all(this.clients.map(async (client) => client.close()));
  }

  private async leaveGarbage(): Promise<void> {
    const topics = ['replies', 'commands.stock'].map((name) => `${this.prefix}.${name}`);
    await this.join('admin').send(topics.map((topic) => ({ topic, ...GARBAGE })));
  }

  /** Calls a service as an initiator does, also in its lane, and buries what it cannot read. */
  private async lead(onAnswer: (answer: string) => void): Promise<void> {
    const client = this.join('trips');
    const topic = `${this.prefix}.replies.trips`;
    await this.hear(client, { topic, groupId: topic, onValue: onAnswer });
    const letter = { topic: `${this.prefix}.dead`, ...GARBAGE, headers: { 'atone-dead-topic': topic } };
    await client.send([this.command('1', 'stock'), this.command('2', 'stock.green'), letter]);
  }

  private command(branchId: string, place: string): OutgoingRecord {
    const { prefix } = this;
    const nowMs = Date.now();
    const attempt = { gid: GID, branchId, op: 'action', round: 1, attempt: 1 } as const;
    const command = { ...attempt, service: 'stock', action: 'do', input: { name: 'trip' }, issuedAt: nowMs };
    const replyTo = { topic: `${prefix}.replies.trips`, partition: 0 };
    const origin = { source: '/services/trips', nowMs, signingKey: KEY };
    return commandRecord(command, { topic: `${prefix}.commands.${place}`, replyTo }, origin);
  }

  /** Asks the service with messages of its own for what it does, and for what it cannot do. */
  private async order(onAnswer: (answer: string) => void): Promise<void> {
    const client = this.join('admin');
    const { placed: topic, reply } = orderTopics(this.prefix);
    await this.hear(client, { topic: reply, groupId: reply, onValue: onAnswer });
    const headers = { kafka_replyTopic: reply, kafka_correlationId: '1' };
    await client.send([
      { topic, key: 'a', value: 'good', headers },
      { topic, key: 'b', value: 'bad', headers: {} },
    ]);
  }

  private async operate(onDead: (record: ReceivedRecord) => void): Promise<void> {
    const topic = `${this.prefix}.dead`;
    await this.hear(this.join('operator'), { topic, groupId: `${this.prefix}.operator`, onRecord: onDead });
  }

  private async hear(client: KafkaClient, { topic, groupId, onValue, onRecord }: Hearing): Promise<void> {
    await this.demand(client, topic);
    await client.subscribe({
      groupId,
      topics: [topic],
      from: 'earliest',
      onBatch: async ({ records }) =>
        records.forEach((record) => {
          onRecord?.(record);
          onValue?.(record.value ?? '');
        }),
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

  private connect(who: string): KafkaClient {
    const client = this.library.connect({ brokers: this.brokers, clientId: who, sasl: saslOf(who) });
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
    const words = inspect(error, { depth: 10 });
    if (/authori[sz]|there is no such topic|there is no topic/iu.test(words)) {
      this.refusals.push(words);
    }
  }
}
