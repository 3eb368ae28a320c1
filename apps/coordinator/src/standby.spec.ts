import type { BranchReply } from '@atone/core';
import { ManualClock, MemoryCatalogueStore, MemoryLog } from '@atone/engine/testing';
import { MemoryKafka } from '@atone/kafka/testing';
import type { Problem, TransactionView } from '@atone/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfiguration } from './configuration.js';
import { createCoordinator, type Coordinator } from './coordinator.js';
import type { CoordinatorInstances } from './http/answer.schemas.js';
import { openLogger } from './ports/pino.logger.js';
import { startKafkaParticipant, type AskedCommand } from './testing/kafka.participant.js';
import { planOf } from './testing/test.coordinator.js';
import { CLOCK, KAFKA_CLIENT, STORE, type Store } from './tokens.js';

const TOPIC = 'atone.commands.shop';
const DONE: BranchReply = { outcome: 'done', output: null };

/** It is spare after ten seconds, and the others look for work every second. */
const STANDBY_MS = 13_000;

describe('of two coordinators for whom the replies have one partition', () => {
  let clock: ManualClock;
  let kafka: MemoryKafka;
  let store: Store;
  let reader: Coordinator;
  let spare: Coordinator;
  /** What the shop was asked and has not answered, the oldest first. */
  let asked: AskedCommand[];

  beforeEach(async () => {
    clock = new ManualClock();
    kafka = new MemoryKafka();
    store = {
      log: new MemoryLog(clock),
      catalogue: new MemoryCatalogueStore(clock),
      logId: '019b7700-3c5e-4d2a-9f10-2f6f2f0f8a11',
      ensurePartitions: async () => undefined,
      cleanUp: async () => undefined,
      close: async () => undefined,
    };
    asked = [];
    await startKafkaParticipant(kafka.client(), TOPIC, (each) => void asked.push(each));
    reader = await start();
    spare = await start();
  });

  afterEach(async () => {
    await Promise.all([close(reader), close(spare)]);
  });

  test('one stands by, says what to do, and refuses what is new', async () => {
    await offerShop({});

    await clock.advance(STANDBY_MS);

    const [health, refused] = [await ask(spare, '/health/ready'), await submit(spare)];
    expect([health.status, refused.status]).toEqual([503, 503]);
    expect(health.body).toMatchObject({
      code: 'OVERLOADED',
      detail:
        'This coordinator stands by and takes nothing on: others read all partitions of atone.replies, which has 1 for 2 coordinators. ' +
        'Ask another one. Run fewer coordinators, or add partitions: ' +
        'kafka-topics.sh --bootstrap-server kafka:9092 --alter --topic atone.replies --partitions 2',
    });
    expect((refused.body as Problem).detail).toBe((health.body as Problem).detail);
    expect((await ask(reader, '/health/ready')).status).toBe(200);
  });

  test('the others are told which one stands by', async () => {
    await offerShop({});

    await clock.advance(STANDBY_MS);

    const { instances } = (await ask(reader, '/v1/instances')).body as CoordinatorInstances;
    expect(instances).toMatchObject([
      { isThis: true, isLive: true, replyPartitions: [0] },
      { isThis: false, isLive: true, isStandby: true },
    ]);
    expect(instances[0]).not.toHaveProperty('isStandby');
  });

  test('the other one goes on with what it had accepted', async () => {
    await offerShop({});
    const { gid } = (await submit(spare)).body as TransactionView;

    await clock.advance(STANDBY_MS);
    await answerAll();

    expect(await stateOf(reader, gid)).toBe('committed');
  });

  test('it goes on with what the other one leaves', async () => {
    await offerShop({});
    await clock.advance(STANDBY_MS);
    const { gid } = (await submit(reader)).body as TransactionView;
    await clock.advance(1_000);

    await close(reader);
    await clock.advance(STANDBY_MS);
    await answerAll();

    expect(await stateOf(spare, gid)).toBe('committed');
    expect((await ask(spare, '/health/ready')).status).toBe(200);
    expect((await submit(spare)).status).toBe(202);
  });

  test('none stands by where all services can be reached over HTTP as well', async () => {
    await offerShop({ baseUrl: 'http://127.0.0.1:1' });

    await clock.advance(STANDBY_MS);

    expect((await ask(spare, '/health/ready')).status).toBe(200);
    const { gid } = (await submit(spare)).body as TransactionView;
    await clock.advance(1_000);
    expect((await ask(spare, `/v1/transactions/${gid}`)).body).toMatchObject({
      branches: [{ lastError: { message: expect.stringContaining('127.0.0.1:1') } }],
    });
  });

  async function start(): Promise<Coordinator> {
    return createCoordinator({
      configuration: readConfiguration({
        ATONE_DATABASE_URL: 'postgres://nowhere',
        ATONE_HTTP_PORT: '0',
        ATONE_KAFKA_BROKERS: 'kafka:9092',
        ATONE_KAFKA_PARTITIONS: '1',
      }),
      logger: openLogger('silent'),
      overrides: [
        { provide: CLOCK, useValue: clock },
        { provide: STORE, useValue: store },
        { provide: KAFKA_CLIENT, useFactory: () => kafka.client() },
      ],
    });
  }

  async function offerShop(change: object): Promise<void> {
    await store.catalogue.register('shop', {
      instance: 'one',
      kind: 'library',
      protocol: 1,
      kafka: { topic: TOPIC },
      actions: [{ name: 'reserve', hasCompensation: true }],
      ...change,
    });
    await clock.advance(2_000);
  }

  /** Whatever was asked more than once is answered as often. */
  async function answerAll(): Promise<void> {
    await clock.advance(1_000);
    await Promise.all(asked.splice(0).map(async ({ answer }) => answer(DONE)));
    await clock.advance(1_000);
  }

  /** What is in flight is waited for no longer than a stop may take, which this clock has to show. */
  async function close(coordinator: Coordinator): Promise<void> {
    const closing = { isOver: false };
    const closed = coordinator.close().finally(() => {
      closing.isOver = true;
    });
    while (!closing.isOver) {
      // oxlint-disable-next-line no-await-in-loop -- until it is over
      await clock.advance(500);
    }
    await closed;
  }
});

async function submit(coordinator: Coordinator): Promise<Answer> {
  return ask(coordinator, '/v1/transactions', planOf('reserve'));
}

async function stateOf(coordinator: Coordinator, gid: string): Promise<string> {
  return ((await ask(coordinator, `/v1/transactions/${gid}`)).body as TransactionView).state;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function ask({ app }: Coordinator, url: string, body?: object): Promise<Answer> {
  const answer = await app.inject(
    body === undefined ? { method: 'GET', url } : { method: 'POST', url, payload: body },
  );
  return { status: answer.statusCode, body: answer.json<unknown>() };
}
