import { setTimeout as delay } from 'node:timers/promises';
import { commandTo, describeTransportConformance, type ParticipantAnswer } from '@atone/engine/conformance';
import { ManualClock } from '@atone/engine/testing';
import type { KafkaClient, OutgoingRecord, ReceivedRecord } from '@atone/kafka';
import { Door } from '@atone/kafka/conformance';
import {
  COMMAND_TYPE,
  commandsTopic,
  readCommandRecord,
  replyRecord,
  replyTo,
  type CatalogueInstance,
} from '@atone/protocol';
import { KafkaTransport } from '@atone/transport-kafka';
import { newName, testBrokers } from './kafka.client.js';
import { LIBRARIES, type ClientLibrary } from './kafka.worlds.js';

const SPREAD = { partitionCount: 1, replicationFactor: 1 };

/** A transport over real brokers, whose clock stands still; participants that answer as a test says. */
class BrokerWorld {
  readonly clock = new ManualClock();
  readonly prefix = newName('t');
  readonly instances: CatalogueInstance[] = [];
  readonly transport: KafkaTransport;
  private readonly clients: KafkaClient[] = [];
  private readonly participants = new Map<string, KafkaClient>();
  private gate: Promise<void> | undefined;

  constructor(private readonly library: ClientLibrary) {
    this.transport = new KafkaTransport({
      client: this.heldBack(this.connect()),
      clock: this.clock,
      instanceId: 'one',
      prefix: this.prefix,
      catalogue: { instancesOf: (name) => this.instances.filter(({ service }) => service === name) },
      createTopics: SPREAD,
      limits: { drainMs: 500 },
    });
  }

  async open(): Promise<this> {
    await this.transport.start();
    while (this.transport.partitions.length === 0) {
      // oxlint-disable-next-line no-await-in-loop -- until it has joined
      await delay(10);
    }
    return this;
  }

  async start(service: string, answer: ParticipantAnswer): Promise<void> {
    const [client, topic] = [this.connect(), commandsTopic(this.prefix, service)];
    this.participants.set(service, client);
    await client.createTopics([{ name: topic, ...SPREAD }]);
    this.instances.push(instanceOf(service, topic, this.clock.now()));
    await client.subscribe({
      groupId: topic,
      topics: [topic],
      from: 'earliest',
      onBatch: async ({ records }) => {
        records.forEach((record) => void this.answer(client, record, answer).catch(() => undefined));
      },
    });
  }

  async kill(service: string): Promise<void> {
    await this.participants.get(service)?.close();
  }

  /** Has the brokers get no command until it is called. */
  holdBack(): () => void {
    const door = new Door();
    this.gate = door.passage;
    return () => door.open();
  }

  async end(): Promise<void> {
    const closed = this.transport.close();
    await this.clock.advance(60_000);
    await closed;
    await Promise.all(this.clients.map(async (client) => client.close()));
  }

  private connect(): KafkaClient {
    const client = this.library.connect({ brokers: testBrokers(), clientId: 'transport' });
    this.clients.push(client);
    return client;
  }

  private heldBack(client: KafkaClient): KafkaClient {
    return Object.assign(Object.create(client) as KafkaClient, {
      send: async (records: readonly OutgoingRecord[]) => {
        if (records.some(({ headers }) => headers['ce_type'] === COMMAND_TYPE)) {
          await this.gate;
        }
        await client.send(records);
      },
    });
  }

  private async answer(
    client: KafkaClient,
    record: ReceivedRecord,
    answer: ParticipantAnswer,
  ): Promise<void> {
    const nowMs = record.timestamp;
    const read = readCommandRecord(record, { keys: [], nowMs }, this.prefix);
    if (read.type === 'command') {
      const reply = replyTo(read.command, await answer(read.command));
      await client.send([replyRecord(reply, read.replyTo, { source: '/services/stock', nowMs })]);
    }
  }
}

function instanceOf(service: string, topic: string, nowMs: number): CatalogueInstance {
  return {
    service,
    instance: 'one',
    kind: 'library',
    protocol: 1,
    kafka: { topic },
    actions: [{ name: 'reserve', hasCompensation: true }],
    registeredAt: nowMs,
    seenAt: nowMs,
  };
}

for (const library of LIBRARIES) {
  describeTransportConformance(
    `KafkaTransport by ${library.name} over real brokers`,
    async () => {
      const world = await new BrokerWorld(library).open();
      const release: (() => void)[] = [];
      return {
        transport: world.transport,
        start: async (service, answer) => world.start(service, answer),
        kill: async (service) => world.kill(service),
        holdBack: async (service) => {
          release.push(world.holdBack());
          world.transport.send(commandTo(service, { branchId: 'held' }), 3_600_000);
          await delay(10);
          return () => release.forEach((open) => open());
        },
        // Brokers take their time, which the clock of the transport does not see.
        pass: async () => {
          await delay(5);
          await world.clock.advance(1);
        },
        elapse: async (ms) => world.clock.advance(ms),
        end: async () => {
          release.forEach((open) => open());
          await world.end();
        },
      };
    },
    { noticesNobody: false, hasQueue: true, runCount: 3 },
  );
}
