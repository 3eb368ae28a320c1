import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { KafkaClient } from '@atone/kafka';
import { action, contract, createAtoneClient, createParticipant, type AtoneClient } from '@atone/participant';
import { startKafkaCommands, type KafkaCommands } from '@atone/participant/kafka';
import { MemoryDatabase } from '@atone/participant/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { CoordinatorProcess } from '../harness/coordinator.process.js';
import { until } from '../harness/until.js';
import { newName } from './kafka.client.js';
import { LIBRARIES, type ClientLibrary } from './kafka.worlds.js';

/** A broker starts and ends, and whoever waits for it looks again every ten seconds. */
const PATIENCE_MS = 60_000;

const PARTITION_COUNT = 4;

const CONTRACT = contract('stock', { reserve: action({ input: z.object({}), output: z.null() }) });

const PLAN = {
  name: 'order',
  steps: [{ name: 'reserve', service: 'stock', action: 'reserve', input: {} }],
};

/** A log with its coordinators and a service, which one library connects to the brokers. */
class House {
  readonly coordinators: CoordinatorProcess[] = [];
  private readonly prefix = newName('atone');
  private readonly client: KafkaClient;
  private stock: KafkaCommands | undefined;

  private constructor(
    private readonly library: ClientLibrary,
    private readonly brokers: readonly string[],
    private readonly database: TestDatabase,
  ) {
    this.client = library.connect({ brokers, clientId: 'stock' });
  }

  static async open(library: ClientLibrary, brokers: readonly string[]): Promise<House> {
    return new House(library, brokers, await createTestDatabase());
  }

  async start(): Promise<CoordinatorProcess> {
    const started = await CoordinatorProcess.start(this.database.url, {
      ATONE_KAFKA_BROKERS: this.brokers.join(','),
      ATONE_KAFKA_CLIENT: this.library.name,
      ATONE_KAFKA_PARTITIONS: String(PARTITION_COUNT),
      ATONE_KAFKA_PREFIX: this.prefix,
    });
    this.coordinators.push(started);
    return started;
  }

  async startStock(): Promise<void> {
    this.stock = await startKafkaCommands({
      participant: createParticipant({
        service: 'stock',
        database: new MemoryDatabase().connect(),
        handlers: [{ contract: CONTRACT.reserve, run: async () => null, compensate: async () => undefined }],
      }),
      client: this.client,
      prefix: this.prefix,
      createTopics: { partitionCount: 1, replicationFactor: 1 },
    });
    await this.atone.registerInstance('stock', {
      instance: 'stock-1',
      kind: 'library',
      protocol: 1,
      kafka: this.stock.kafka,
      actions: [{ name: 'reserve', hasCompensation: true }],
    });
  }

  /** Asks the coordinator that was started last. */
  get atone(): AtoneClient {
    return createAtoneClient({ url: this.url });
  }

  get url(): string {
    return this.coordinators.at(-1)?.url ?? '';
  }

  /** Waits until the coordinators that live read so many partitions of the replies. */
  async reads(counts: readonly number[]): Promise<void> {
    await until(
      `the coordinators read ${counts.join(' and ')} partitions`,
      async () => {
        const answer = await fetch(`${this.url}/v1/instances`);
        const { instances } = (await answer.json()) as {
          instances: readonly { readonly isLive: boolean; readonly replyPartitions?: readonly number[] }[];
        };
        const live = instances.filter(({ isLive }) => isLive);
        return live.map(({ replyPartitions = [] }) => replyPartitions.length).join() === counts.join();
      },
      PATIENCE_MS,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.coordinators.map(async (coordinator) => coordinator.kill()));
    await this.stock?.close();
    await this.client.close();
    await this.database.drop();
  }
}

const BY_LIBRARY = LIBRARIES.map(({ name }) => name).join(' and ');

let kafka: EmbeddedKafka;
let houses: readonly House[] = [];

beforeAll(async () => {
  kafka = await startThrowawayKafka();
});

beforeEach(async () => {
  houses = await Promise.all(LIBRARIES.map(async (library) => House.open(library, kafka.brokers)));
});

afterEach(async () => {
  await Promise.all(houses.map(async (house) => house.close()));
  houses = [];
});

afterAll(async () => kafka.stop());

/** Has the same happen by each library, while the broker comes and goes for all of them. */
async function each<Answer>(deed: (house: House) => Promise<Answer>): Promise<readonly Answer[]> {
  return Promise.all(houses.map(async (house) => deed(house)));
}

// By both libraries at once, for most of it is waiting.
describe(`a coordinator whose brokers come and go, by ${BY_LIBRARY},`, () => {
  test('takes requests without them, and drives over Kafka when they are there', async () => {
    await kafka.kill();
    const health = await each(async (house) => {
      await house.start();
      return (await fetch(`${house.url}/health/ready`)).status;
    });

    await kafka.restart();

    const outcomes = await each(async (house) => {
      await house.reads([PARTITION_COUNT]);
      await house.startStock();
      return (await house.atone.submitPlan(PLAN, { wait: '30s' })).outcome;
    });
    expect({ health, outcomes }).toEqual({
      health: LIBRARIES.map(() => 200),
      outcomes: LIBRARIES.map(() => 'committed'),
    });
  });

  test('leaves its partitions to the others when it stops, and stops in order though they are away', async () => {
    const firstExits = await each(async (house) => {
      const first = await house.start();
      await house.start();
      await house.reads([PARTITION_COUNT / 2, PARTITION_COUNT / 2]);
      const exit = await first.stop();
      await house.reads([PARTITION_COUNT]);
      return exit;
    });
    await kafka.kill();
    const secondExits = await each(async ({ coordinators }) => coordinators.at(-1)?.stop());

    await kafka.restart();
    expect([...firstExits, ...secondExits]).toEqual(
      [...LIBRARIES, ...LIBRARIES].map(() => ({ code: 0, signal: null })),
    );
  });
});
