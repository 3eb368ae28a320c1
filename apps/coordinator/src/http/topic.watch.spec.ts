import { HEADERS } from '@atone/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MemoryKafka } from '@atone/kafka/testing';
import { TestCoordinator, type Asked } from '../testing/test.coordinator.js';
import { KAFKA_CLIENT } from '../tokens.js';
import { TRANSPORTS } from '../transports.js';

const OTHER_PREFIX =
  "It takes commands at mine.commands.billing, and this coordinator's prefix is 'other'. Give both the same: ATONE_KAFKA_PREFIX of " +
  'the coordinators, and the prefix of the service.';

let world: TestCoordinator;

afterEach(() => world.close());

async function start(prefix?: string): Promise<void> {
  const kafka = new MemoryKafka();
  world = await TestCoordinator.start(
    prefix === undefined
      ? {}
      : {
          environment: { ATONE_KAFKA_BROKERS: 'kafka:9092', ATONE_KAFKA_PREFIX: prefix },
          overrides: [...TRANSPORTS, { provide: KAFKA_CLIENT, useFactory: () => kafka.client() }],
        },
  );
}

async function enter(topic: string, change: { readonly baseUrl?: string } = {}): Promise<Asked> {
  const actions = [{ name: 'charge', hasCompensation: true }];
  const body = { instance: 'one', kind: 'library', protocol: 1, kafka: { topic }, actions, ...change };
  return world.ask('PUT', '/v1/participants/billing/instances/one', { body });
}

function warnings(): readonly object[] {
  return world.lines
    .map((line) => JSON.parse(line) as { readonly msg: string })
    .filter(({ msg }) => msg === 'an instance takes commands at a topic that nothing is sent to');
}

describe('an instance that enters itself', () => {
  test('with a topic of another prefix is taken, and both sides are told', async () => {
    await start('other');

    const { status, headers } = await enter('mine.commands.billing');

    expect([status, headers[HEADERS.warning]]).toEqual([204, OTHER_PREFIX]);
    expect(warnings()).toEqual([
      expect.objectContaining({
        service: 'billing',
        instance: 'one',
        topic: 'mine.commands.billing',
        reason: OTHER_PREFIX,
      }),
    ]);
  });

  test('is told of at each renewal, but logged once, until it has got better meanwhile', async () => {
    await start('other');
    await enter('mine.commands.billing');
    const again = await enter('mine.commands.billing');
    expect(warnings()).toHaveLength(1);

    await enter('other.commands.billing');
    await enter('mine.commands.billing');

    expect(again.headers[HEADERS.warning]).toBe(OTHER_PREFIX);
    expect(warnings()).toHaveLength(2);
  });

  test('with a topic of the same prefix is not warned', async () => {
    await start('other');

    const { status, headers } = await enter('other.commands.billing');

    expect([status, headers[HEADERS.warning]]).toEqual([204, undefined]);
    expect(warnings()).toEqual([]);
  });

  test('at a coordinator without Kafka is warned where it is reached no other way', async () => {
    await start();

    const alone = await enter('mine.commands.billing');
    const both = await enter('mine.commands.billing', { baseUrl: 'http://127.0.0.1:1' });

    expect(alone.headers[HEADERS.warning]).toBe(
      'It takes commands over Kafka alone, at mine.commands.billing, and this coordinator has no Kafka: set its ATONE_KAFKA_BROKERS.',
    );
    expect(both.headers[HEADERS.warning]).toBeUndefined();
    expect(warnings()).toHaveLength(1);
  });
});
