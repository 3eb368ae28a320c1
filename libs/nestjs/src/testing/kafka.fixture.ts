import 'reflect-metadata';
import type { KafkaClient, OutgoingRecord, ReceivedRecord } from '@atone/kafka';
import { MemoryKafka } from '@atone/kafka/testing';
import { Module, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AtoneKafkaServer, type AtoneKafkaServerOptions } from '../kafka/index.js';

@Module({})
class DeskModule {}

/** A service that takes messages from a Kafka in memory. */
export class KafkaDesk {
  readonly kafka = new MemoryKafka();
  readonly client: KafkaClient = this.kafka.client();
  private readonly services: INestMicroservice[] = [];

  async createTopics(...topics: readonly string[]): Promise<void> {
    await this.kafka.createTopics(
      ['atone.dead', ...topics].map((name) => ({ name, partitionCount: 1, replicationFactor: 1 })),
    );
  }

  /** Starts a service of this controller. */
  async open(controller: Type, options: Partial<AtoneKafkaServerOptions> = {}): Promise<INestMicroservice> {
    const module = { module: DeskModule, controllers: [controller] };
    const strategy = new AtoneKafkaServer({
      client: this.client,
      groupId: 'desk',
      retryAfterMs: 1,
      ...options,
    });
    const service = await NestFactory.createMicroservice(module, {
      strategy,
      logger: false,
      abortOnError: false,
    });
    this.services.push(service);
    await service.listen();
    return service;
  }

  async send(...records: readonly (Partial<OutgoingRecord> & { readonly topic: string })[]): Promise<void> {
    await this.client.send(records.map((record) => ({ key: 'k', value: '', headers: {}, ...record })));
  }

  /** Waits until a topic holds so many records. */
  async stored(topic: string, count: number): Promise<readonly ReceivedRecord[]> {
    await this.until(() => this.kafka.records(topic).length >= count);
    return this.kafka.records(topic);
  }

  /** Waits until the group has committed this offset of a topic's first partition. */
  async committed(topic: string, offset: number): Promise<void> {
    await this.until(() => this.kafka.committed('desk', topic, 0) === BigInt(offset));
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      // oxlint-disable-next-line no-await-in-loop -- a wait
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.services.map(async (service) => service.close()));
    await this.client.close();
  }
}

/** Something to wait for. */
export function newGate(): { readonly gate: Promise<void>; readonly goOn: () => void } {
  const resolvers: (() => void)[] = [];
  const gate = new Promise<void>((resolve) => {
    resolvers.push(resolve);
  });
  return { gate, goOn: () => resolvers.forEach((resolve) => resolve()) };
}
