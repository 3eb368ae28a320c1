import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { currentTransaction, GlobalTransactions } from '@atone/nestjs';
import type { INestApplicationContext, INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { ClientKafka } from '@nestjs/microservices';
import type { Pool } from 'pg';
import { firstValueFrom } from 'rxjs';
import { CREATE_LINES, Trips } from '../harness/led.services.js';
import { openPool } from '../harness/open.pool.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { until } from '../harness/until.js';
import { TestKafka } from './kafka.client.js';
import {
  EchoModule,
  KAFKA_CLIENT,
  leadingModule,
  partiesModule,
  TOPICS,
  type Listening,
} from './message.services.js';

const LINES = `select what || ' ' || state as text from line where gid = $1 order by what`;

/** Deadlines of half a minute, and a busy machine. */
const PATIENCE_MS = 90_000;

const QUIET = { logger: false, abortOnError: false } as const;

/** A coordinator, a service that leads, and two that take its messages by Kafka: one takes part, and one knows nothing of Atone. */
export class MessageWorld {
  private constructor(
    private readonly parts: {
      readonly coordinator: TestCoordinator;
      readonly databases: readonly TestDatabase[];
      /** Of the service that takes part. */
      readonly lines: Pool;
      readonly services: readonly INestMicroservice[];
      readonly trips: INestApplicationContext;
    },
  ) {}

  static async start(brokers: readonly string[], listen: Listening): Promise<MessageWorld> {
    const databases = await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()]);
    const [log, ofRooms, ofTrips] = databases;
    const lines = openPool(ofRooms.url, 2);
    const topics = Object.values(TOPICS).flatMap((topic) => [topic, `${topic}.reply`]);
    const kafka = new TestKafka(brokers);
    const [coordinator] = await Promise.all([
      TestCoordinator.start({ databaseUrl: log.url }),
      lines.query(CREATE_LINES),
      kafka.createTopics(topics),
    ]);
    const shared = { coordinatorUrl: coordinator.url, services: {} };
    const parties = partiesModule({ ...shared, databaseUrl: ofRooms.url });
    const services = await Promise.all([
      NestFactory.createMicroservice(parties, { ...QUIET, ...listen('rooms', brokers) }),
      NestFactory.createMicroservice(EchoModule, { ...QUIET, ...listen('echo', brokers) }),
    ]);
    const leading = leadingModule({ ...shared, databaseUrl: ofTrips.url, brokers });
    const trips = await NestFactory.createApplicationContext(leading, QUIET);
    const client = trips.get<ClientKafka>(KAFKA_CLIENT);
    Object.values(TOPICS).forEach((topic) => client.subscribeToResponseOf(topic));
    await Promise.all([...services.map(async (service) => service.listen()), client.connect()]);
    // Nest does not wait for them where the consumer needs a second try.
    await until('the client has partitions for its answers', () => {
      const assigned = client.getConsumerAssignments();
      return Object.values(TOPICS).every((topic) => `${topic}.reply` in assigned);
    });
    await until('both services are in the catalogue', async () => {
      return (await coordinator.client.participants()).length === 2;
    });
    return new MessageWorld({ coordinator, databases, lines, services, trips });
  }

  /** Leads. */
  get trips(): Trips {
    return this.parts.trips.get(Trips);
  }

  /** Sends a message, and returns its answer. */
  async ask<Answer>(topic: string, payload: object): Promise<Answer> {
    const client = this.parts.trips.get<ClientKafka>(KAFKA_CLIENT);
    return firstValueFrom(client.send<Answer>(topic, payload));
  }

  get coordinator(): TestCoordinator {
    return this.parts.coordinator;
  }

  /** What was done for a transaction where messages arrive, sorted: `suite sold`. */
  async linesOf(gid: string): Promise<readonly string[]> {
    const { rows } = await this.parts.lines.query<{ text: string }>(LINES, [gid]);
    return rows.map(({ text }) => text);
  }

  /** Waits until these lines are all that was done, past the deadline if need be. */
  async untilLines(gid: string, ...lines: readonly string[]): Promise<void> {
    const isDone = async (): Promise<boolean> => (await this.linesOf(gid)).join() === lines.join();
    await until(`this was done: ${lines.join(', ')}`, isDone, PATIENCE_MS);
  }

  /** Leads a transaction that may take no longer than this. */
  async lead(timeout: '10s', work: () => Promise<void>): Promise<string> {
    return this.parts.trips
      .get(GlobalTransactions)
      .run({ name: 'book-trip', timeout }, async () => work().then(() => currentTransaction()?.gid ?? ''));
  }

  async close(): Promise<void> {
    const { coordinator, databases, lines, services, trips } = this.parts;
    await trips.close();
    await Promise.all(services.map(async (service) => service.close()));
    await coordinator.close();
    await lines.end();
    await Promise.all(databases.map(async (database) => database.drop()));
  }
}
