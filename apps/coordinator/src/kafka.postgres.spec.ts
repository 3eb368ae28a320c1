import type { BranchReply } from '@atone/core';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { MemoryKafka } from '@atone/kafka/testing';
import type { TransactionView } from '@atone/protocol';
import type { KafkaTransport } from '@atone/transport-kafka';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readConfiguration } from './configuration.js';
import { createCoordinator, type Coordinator } from './coordinator.js';
import type { CoordinatorInstances } from './http/answer.schemas.js';
import { openLogger } from './ports/pino.logger.js';
import { startKafkaParticipant, type AskedCommand } from './testing/kafka.participant.js';
import { planOf, soon } from './testing/test.coordinator.js';
import { KAFKA_CLIENT, KAFKA_TRANSPORT } from './tokens.js';
import { VERSION } from './version.js';

// Two coordinators start and stop in each test, which takes a while where all tests run at once.
jest.setTimeout(60_000);

const TOPIC = 'atone.commands.shop';
const PARTITION_COUNT = 4;
const DONE: BranchReply = { outcome: 'done', output: null };

describe('two coordinators that share a log and a Kafka', () => {
  let database: TestDatabase;
  let kafka: MemoryKafka;
  let coordinators: Coordinator[];
  /** What the shop was asked and has not answered, the oldest first. */
  let asked: AskedCommand[];

  beforeEach(async () => {
    database = await createTestDatabase();
    kafka = new MemoryKafka();
    asked = [];
    await startKafkaParticipant(kafka.client(), TOPIC, (each) => void asked.push(each));
    coordinators = [await start(), await start()];
    await offerShop();
    await until(async () => {
      const reads = (await instances()).map(({ replyPartitions }) => replyPartitions?.length);
      return reads.every((count) => count === PARTITION_COUNT / 2);
    });
  });

  afterEach(async () => {
    await Promise.all(coordinators.map(async (coordinator) => coordinator.close()));
    await database.drop();
  });

  test('show what each of them reads, and what it drives', async () => {
    await submit(coordinators[0]);

    const shown = await instances();

    const [first] = coordinators;
    expect(shown).toHaveLength(2);
    expect(new Set(shown.flatMap(({ replyPartitions }) => replyPartitions))).toEqual(new Set([0, 1, 2, 3]));
    expect(shown.find(({ instanceId }) => instanceId === first?.engine.instanceId)).toMatchObject({
      version: VERSION,
      format: 1,
      url: first?.url,
      isLive: true,
      driven: 1,
    });
  });

  test('end what either of them has accepted, and read the answers where they are waited for', async () => {
    const gids = await Promise.all(coordinators.map(async (coordinator) => submit(coordinator)));
    await until(() => asked.length === 2);

    await Promise.all(asked.map(async ({ answer }) => answer(DONE)));

    const states = gids.map(async (gid) => (await view(gid, '10s')).state);
    expect(await Promise.all(states)).toEqual(['committed', 'committed']);
    expect(coordinators.map(forwardedBy)).toEqual([0, 0]);
  });

  test('bring a reply that went astray to the one that drives its transaction', async () => {
    const [driver, other] = coordinators;
    const gid = await submit(driver);
    await until(() => asked.length === 1);
    const [partition = -1] = other?.app.get<KafkaTransport>(KAFKA_TRANSPORT).partitions ?? [];

    await asked[0]?.answer(DONE, { topic: 'atone.replies', partition });

    expect((await view(gid, '10s')).state).toBe('committed');
    expect(coordinators.map(forwardedBy)).toEqual([0, 1]);
    expect(asked).toHaveLength(1);
  });

  test('are one in the end: the other goes on with what the first has left', async () => {
    const [leaving, heir] = coordinators;
    const gid = await submit(leaving);
    await until(() => asked.length === 1);

    const closing = leaving?.close();
    await until(() => asked.length === 2);
    await asked[1]?.answer(DONE);

    expect((await view(gid, '10s')).state).toBe('committed');
    await closing;
    coordinators = coordinators.slice(1);
    await until(() => heir?.app.get<KafkaTransport>(KAFKA_TRANSPORT).partitions.length === PARTITION_COUNT);
    expect(await instances()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ isLive: false, driven: 0 }),
        expect.objectContaining({ isThis: true, isLive: true }),
      ]),
    );
  });

  async function start(): Promise<Coordinator> {
    return createCoordinator({
      configuration: readConfiguration({
        ATONE_DATABASE_URL: database.url,
        ATONE_HTTP_PORT: '0',
        ATONE_ACCEPT_LOSS: 'true',
        ATONE_KAFKA_BROKERS: 'kafka:9092',
        ATONE_KAFKA_PARTITIONS: String(PARTITION_COUNT),
      }),
      logger: openLogger('silent'),
      overrides: [{ provide: KAFKA_CLIENT, useFactory: () => kafka.client() }],
    });
  }

  async function offerShop(): Promise<void> {
    const body = {
      instance: 'one',
      kind: 'library',
      protocol: 1,
      kafka: { topic: TOPIC },
      actions: [{ name: 'reserve', hasCompensation: true }],
    };
    await Promise.all(
      coordinators.map(async ({ url }) => ask('PUT', `${url}/v1/participants/shop/instances/one`, body)),
    );
  }

  /** As the last of the coordinators shows it. */
  async function view(gid: string, wait: string): Promise<TransactionView> {
    const answer = await ask('GET', `${coordinators.at(-1)?.url}/v1/transactions/${gid}?wait=${wait}`);
    return answer as TransactionView;
  }

  async function instances(): Promise<CoordinatorInstances['instances']> {
    const answer = await ask('GET', `${coordinators.at(-1)?.url}/v1/instances`);
    return (answer as CoordinatorInstances).instances;
  }
});

async function submit(coordinator: Coordinator | undefined): Promise<string> {
  const accepted = await ask('POST', `${coordinator?.url}/v1/transactions`, planOf('reserve'));
  return (accepted as TransactionView).gid;
}

async function ask(method: string, url: string, body?: unknown): Promise<unknown> {
  const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(url, { method, ...(body === undefined ? {} : json) });
  const text = await answer.text();
  return text === '' ? undefined : JSON.parse(text);
}

function forwardedBy({ app }: Coordinator): number {
  return app.get<KafkaTransport>(KAFKA_TRANSPORT).counts.forwarded;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  // oxlint-disable no-await-in-loop -- until it is so
  while (!(await holds())) {
    await soon();
  }
  // oxlint-enable no-await-in-loop
}
