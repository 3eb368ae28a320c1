import { ManualClock } from '@atone/engine/testing';
import type { ParticipantAnswer } from '@atone/engine/conformance';
import type { KafkaClient, OutgoingRecord, ReceivedRecord } from '@atone/kafka';
import { MemoryKafka, type MemoryClient } from '@atone/kafka/testing';
import {
  COMMAND_TYPE,
  commandsTopic,
  deadTopic,
  readCommandRecord,
  repliesTopic,
  replyRecord,
  replyTo,
  type CatalogueInstance,
  type ReplyEnvelope,
} from '@atone/protocol';
import { KafkaTransport, type KafkaTransportOptions } from '../kafka.transport.js';

const PREFIX = 'atone';
const REPLIES = repliesTopic(PREFIX);
export const PARTITION_COUNT = 4;

/** A broker in memory, participants that answer as a test says, and coordinators' transports. */
export class KafkaWorld {
  readonly clock = new ManualClock();
  readonly kafka = new MemoryKafka();
  readonly instances: CatalogueInstance[] = [];
  private readonly transports: KafkaTransport[] = [];
  private readonly participants = new Map<string, MemoryClient>();
  private heldBack: Promise<void> | undefined;

  /** Creates the topics that all share. */
  async open(): Promise<this> {
    await this.createTopics(REPLIES, deadTopic(PREFIX));
    return this;
  }

  /** Returns a transport that has yet to be started. */
  transport(own: Partial<KafkaTransportOptions> = {}): KafkaTransport {
    const transport = new KafkaTransport({
      client: this.heldBackClient(),
      instanceId: `coordinator-${this.transports.length + 1}`,
      clock: this.clock,
      catalogue: {
        instancesOf: (service) => this.instances.filter((instance) => instance.service === service),
      },
      ...own,
    });
    this.transports.push(transport);
    return transport;
  }

  /** Starts a participant, which answers each command by itself. */
  async start(service: string, answer: ParticipantAnswer): Promise<void> {
    const topic = commandsTopic(PREFIX, service);
    await this.createTopics(topic);
    this.enter(service, { kafka: { topic } });
    const client = this.kafka.client();
    this.participants.set(service, client);
    await client.subscribe({
      groupId: `atone.${service}`,
      topics: [topic],
      from: 'earliest',
      onBatch: async ({ records }) => {
        for (const record of records) {
          void answerRecord(client, record, answer).catch(() => undefined);
        }
      },
    });
  }

  kill(service: string): void {
    this.participants.get(service)?.kill();
    this.participants.delete(service);
  }

  enter(service: string, change: Partial<CatalogueInstance>): void {
    this.instances.push({
      service,
      instance: `${service}-${this.instances.length + 1}`,
      baseUrl: 'http://127.0.0.1:1',
      kind: 'library',
      protocol: 1,
      actions: [{ name: 'reserve', hasCompensation: true }],
      registeredAt: this.clock.now(),
      seenAt: this.clock.now(),
      ...change,
    });
  }

  /** Has the brokers take no command until `gate` opens. */
  holdBack(gate: Promise<void>): void {
    this.heldBack = gate;
  }

  /** Stores a reply as its participant would. */
  async answer(envelope: ReplyEnvelope, partition: number): Promise<void> {
    const origin = { source: '/services/stock', nowMs: this.clock.now() };
    await this.store(replyRecord(envelope, { topic: REPLIES, partition }, origin));
  }

  async store(record: OutgoingRecord): Promise<void> {
    await this.kafka.client().send([record]);
  }

  async end(): Promise<void> {
    const closed = Promise.all(this.transports.map(async (transport) => transport.close()));
    await this.clock.advance(60_000);
    await closed;
    [...this.participants.values()].forEach((client) => client.kill());
  }

  private async createTopics(...names: readonly string[]): Promise<void> {
    const topics = names.map((name) => ({ name, partitionCount: PARTITION_COUNT, replicationFactor: 1 }));
    await this.kafka.client().createTopics(topics);
  }

  private heldBackClient(): KafkaClient {
    const client = this.kafka.client();
    return Object.assign(Object.create(client) as MemoryClient, {
      send: async (records: readonly OutgoingRecord[]) => {
        if (records.some(({ headers }) => headers['ce_type'] === COMMAND_TYPE)) {
          await this.heldBack;
        }
        await client.send(records);
      },
    });
  }
}

/** Returns a promise that the test settles. */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  const settle: { resolve?: () => void } = {};
  const promise = new Promise<void>((resolve) => {
    settle.resolve = resolve;
  });
  return { promise, resolve: () => settle.resolve?.() };
}

async function answerRecord(
  client: KafkaClient,
  record: ReceivedRecord,
  answer: ParticipantAnswer,
): Promise<void> {
  const nowMs = record.timestamp;
  const read = readCommandRecord(record, { keys: [], nowMs }, PREFIX);
  if (read.type === 'command') {
    const reply = await answer(read.command);
    const source = `/services/${read.command.service}`;
    await client.send([replyRecord(replyTo(read.command, reply), read.replyTo, { source, nowMs })]);
  }
}
