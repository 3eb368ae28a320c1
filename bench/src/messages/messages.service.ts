import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { connectKafka } from '@atone/kafka/connect';
import { AtoneKafkaServer } from '@atone/nestjs/kafka';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';

/** How a service takes its messages. */
export type MessageWay = 'nest' | 'kafkajs' | 'platformatic';

export interface ServiceSettings {
  readonly way: MessageWay;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitionCount: number;
  /** When so many are through, it says what they took. */
  readonly count: number;
  /** How long a handler waits, as for a database. */
  readonly waitMs: number;
}

/** What the messages took, from the first to the last. */
export interface ServiceResult {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/*
 * A service that takes messages, told how by its argument, and sends its parent what they took.
 */

const settings = JSON.parse(process.argv[2] ?? '{}') as ServiceSettings;
const { brokers, count, partitionCount, topic, waitMs, way } = settings;

@Controller()
class Messages {
  private doneCount = 0;
  private startedAt = 0;
  private cpuAtStart = process.cpuUsage();

  @EventPattern<unknown>(topic)
  async take(): Promise<void> {
    if (this.startedAt === 0) {
      this.startedAt = performance.now();
      this.cpuAtStart = process.cpuUsage();
    }
    if (waitMs > 0) {
      await delay(waitMs);
    }
    this.doneCount += 1;
    if (this.doneCount === count) {
      const { user, system } = process.cpuUsage(this.cpuAtStart);
      const result: ServiceResult = {
        seconds: (performance.now() - this.startedAt) / 1_000,
        cpuSeconds: (user + system) / 1_000_000,
      };
      process.send?.(result);
    }
  }
}

@Module({ controllers: [Messages] })
class MessagesModule {}

async function listening(): Promise<MicroserviceOptions> {
  const groupId = `${topic}-${way}`;
  if (way !== 'nest') {
    const client = await connectKafka({ brokers, clientId: 'bench' }, way);
    return { strategy: new AtoneKafkaServer({ client, groupId }) };
  }
  return {
    transport: Transport.KAFKA,
    options: {
      client: { clientId: 'bench', brokers: [...brokers] },
      consumer: { groupId },
      subscribe: { fromBeginning: true },
      // The most that it can do at once: one message of each partition.
      run: { partitionsConsumedConcurrently: partitionCount },
    },
  };
}

process.once('SIGTERM', () => process.exit(0));
process.once('disconnect', () => process.exit(0));
const app = await NestFactory.createMicroservice(MessagesModule, {
  ...(await listening()),
  logger: ['error'],
});
await app.listen();
