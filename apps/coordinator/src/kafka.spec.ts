import { MemoryKafka } from '@atone/kafka/testing';
import type { KafkaTransport } from '@atone/transport-kafka';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startKafkaParticipant } from './testing/kafka.participant.js';
import { planOf, TestCoordinator } from './testing/test.coordinator.js';
import { KAFKA_CLIENT, KAFKA_TRANSPORT } from './tokens.js';
import { TRANSPORTS } from './transports.js';

const TOPIC = 'atone.commands.shop';

describe('a coordinator with brokers', () => {
  let kafka: MemoryKafka;
  let world: TestCoordinator;

  beforeEach(async () => {
    kafka = new MemoryKafka();
    world = await TestCoordinator.start({
      environment: { ATONE_KAFKA_BROKERS: 'kafka:9092' },
      overrides: [...TRANSPORTS, { provide: KAFKA_CLIENT, useFactory: () => kafka.client() }],
    });
  });

  afterEach(async () => {
    await world.close();
  });

  test('drives a saga over Kafka from its first command to its end', async () => {
    await startKafkaParticipant(kafka.client(), TOPIC, ({ answer }) => {
      void answer({ outcome: 'done', output: null });
    });
    await offer('one', { kafka: { topic: TOPIC } });

    const { view } = await world.submit(planOf('reserve', 'charge'), { wait: '10s' });

    expect(view.state).toBe('committed');
    expect(kafka.records('atone.replies')).toHaveLength(2);
  });

  test('shows what became of the records that it read', () => {
    const transport = world.coordinator.app.get<KafkaTransport>(KAFKA_TRANSPORT);

    expect(transport.counts).toEqual({ forwarded: 0, dropped: 0, dead: 0, distrusted: 0 });
    expect(transport.partitions).toHaveLength(12);
  });

  /** Has an instance of the shop be reached as `change` says. */
  async function offer(instance: string, change: object): Promise<void> {
    const actions = ['reserve', 'charge'].map((name) => ({ name, hasCompensation: true }));
    const body = { instance, kind: 'library', protocol: 1, actions, ...change };
    await world.ask('PUT', `/v1/participants/shop/instances/${instance}`, { body });
  }
});
