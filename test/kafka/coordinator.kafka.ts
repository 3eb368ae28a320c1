import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { KafkaClient } from '@atone/kafka';
import { action, contract, createAtoneClient, createParticipant, type AtoneClient } from '@atone/participant';
import { startKafkaCommands, type KafkaCommands } from '@atone/participant/kafka';
import { MemoryDatabase } from '@atone/participant/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { CoordinatorProcess } from '../harness/coordinator.process.js';
import { until } from '../harness/until.js';
import { LIBRARIES } from './kafka.worlds.js';

/** A broker starts and ends, and whoever waits for it looks again every ten seconds. */
const PATIENCE_MS = 60_000;

const PARTITION_COUNT = 4;

describe.each(LIBRARIES)('a coordinator whose brokers come and go, by $name,', ({ name, connect }) => {
  let kafka: EmbeddedKafka;
  let database: TestDatabase;
  let processes: CoordinatorProcess[];
  let client: KafkaClient;
  let stock: KafkaCommands | undefined;

  beforeEach(async () => {
    kafka = await startThrowawayKafka();
    database = await createTestDatabase();
    processes = [];
    client = connect({ brokers: kafka.brokers, clientId: 'stock' });
  });

  afterEach(async () => {
    await Promise.all(processes.map(async (process) => process.kill()));
    await stock?.close();
    stock = undefined;
    await client.close();
    await database.drop();
    await kafka.stop();
  });

  test('takes requests without them, and drives over Kafka when they are there', async () => {
    await kafka.kill();
    const coordinator = await start();
    const health = await fetch(`${coordinator.url}/health/ready`);

    await kafka.restart();

    await reads(coordinator, [PARTITION_COUNT]);
    await startStock(coordinator);
    const saga = await atone(coordinator).submitPlan(PLAN, { wait: '30s' });
    expect({ health: health.status, outcome: saga.outcome }).toEqual({ health: 200, outcome: 'committed' });
  });

  test('leaves its partitions to the others when it stops, and stops in order though they are away', async () => {
    const [first, second] = [await start(), await start()];
    await reads(first, [PARTITION_COUNT / 2, PARTITION_COUNT / 2]);

    const firstExit = await first.stop();
    await reads(second, [PARTITION_COUNT]);
    await kafka.kill();
    const secondExit = await second.stop();

    await kafka.restart();
    expect([firstExit, secondExit]).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
  });

  async function start(): Promise<CoordinatorProcess> {
    const started = await CoordinatorProcess.start(database.url, {
      ATONE_KAFKA_BROKERS: kafka.brokers.join(','),
      ATONE_KAFKA_CLIENT: name,
      ATONE_KAFKA_PARTITIONS: String(PARTITION_COUNT),
    });
    processes.push(started);
    return started;
  }

  async function startStock(coordinator: CoordinatorProcess): Promise<void> {
    stock = await startKafkaCommands({
      participant: createParticipant({
        service: 'stock',
        database: new MemoryDatabase().connect(),
        handlers: [{ contract: CONTRACT.reserve, run: async () => null, compensate: async () => undefined }],
      }),
      client,
      createTopics: { partitionCount: 1, replicationFactor: 1 },
    });
    await atone(coordinator).registerInstance('stock', {
      instance: 'stock-1',
      kind: 'library',
      protocol: 1,
      kafka: stock.kafka,
      actions: [{ name: 'reserve', hasCompensation: true }],
    });
  }
});

const CONTRACT = contract('stock', { reserve: action({ input: z.object({}), output: z.null() }) });

const PLAN = {
  name: 'order',
  steps: [{ name: 'reserve', service: 'stock', action: 'reserve', input: {} }],
};

function atone({ url }: CoordinatorProcess): AtoneClient {
  return createAtoneClient({ url });
}

/** Waits until the coordinators that live read so many partitions of the replies. */
async function reads(asked: CoordinatorProcess, counts: readonly number[]): Promise<void> {
  await until(
    `the coordinators read ${counts.join(' and ')} partitions`,
    async () => {
      const answer = await fetch(`${asked.url}/v1/instances`);
      const { instances } = (await answer.json()) as {
        instances: readonly { readonly isLive: boolean; readonly replyPartitions?: readonly number[] }[];
      };
      const live = instances.filter(({ isLive }) => isLive);
      return live.map(({ replyPartitions = [] }) => replyPartitions.length).join() === counts.join();
    },
    PATIENCE_MS,
  );
}
