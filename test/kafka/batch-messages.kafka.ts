import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectKafka, type KafkaLibraryName } from '@atone/kafka/connect';
import { record } from '@atone/kafka/conformance';
import type { KafkaClient } from '@atone/kafka';
import { AtoneKafkaServer, type AtoneKafkaServerOptions } from '@atone/nestjs/kafka';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, KafkaContext, Payload } from '@nestjs/microservices';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until.js';
import { newName, testBrokers } from './kafka.client.js';
import { describeMessages } from './message.suite.js';

const TOPIC = newName('orders');
const CREATE = { partitionCount: 4, replicationFactor: 1 };

/** Told of orders, of which it cannot take all. */
@Controller()
class Orders {
  static readonly taken: { readonly key: string; readonly order: string }[] = [];

  @EventPattern<unknown>(TOPIC)
  async take(@Payload() order: unknown, @Ctx() context: KafkaContext): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    if (order === 'poison') {
      throw new Error('it makes no sense');
    }
    Orders.taken.push({ key: String(context.getMessage().key), order: String(order) });
  }
}

@Module({ controllers: [Orders] })
class OrdersModule {}

let client: KafkaClient;
let services: INestMicroservice[] = [];

async function serve(options: Omit<AtoneKafkaServerOptions, 'client'>): Promise<void> {
  const strategy = new AtoneKafkaServer({ client, createTopics: CREATE, ...options });
  const service = await NestFactory.createMicroservice(OrdersModule, {
    strategy,
    logger: false,
    abortOnError: false,
  });
  services.push(service);
  await service.listen();
}

describe.each<KafkaLibraryName>(['kafkajs', 'platformatic'])(
  'a service that takes batches, through %s,',
  (library) => {
    beforeAll(async () => {
      client = await connectKafka({ brokers: testBrokers(), clientId: 'orders' }, library);
    });

    beforeEach(() => {
      Orders.taken.length = 0;
    });

    afterEach(async () => {
      await Promise.all(services.map(async (service) => service.close()));
      services = [];
    });

    afterAll(async () => client.close());

    test('gives the messages of each key to its handler in order', async () => {
      await serve({ groupId: newName('orders'), from: 'latest', prefix: newName('a') });
      const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      const sent = Array.from({ length: 70 }, (_, at) => ({ key: keys[at % 7] ?? '', order: `order ${at}` }));

      // What comes before the group has joined would be missed, so each is told by a mark of the first one.
      const mark = newName('mark');
      await until('it has joined', async () => {
        await client.send(keys.map((key) => record(TOPIC, key, mark)));
        return keys.every((key) => Orders.taken.some((taken) => taken.key === key));
      });
      await client.send(sent.map(({ key, order }) => record(TOPIC, key, order)));

      await until('all are taken', () =>
        sent.every(({ order }) => Orders.taken.some((taken) => taken.order === order)),
      );
      const inOrder = keys.map((key) => sent.filter((one) => one.key === key));
      expect(keys.map((key) => Orders.taken.filter((one) => one.key === key && one.order !== mark))).toEqual(
        inOrder,
      );
    });

    test('puts what its handler cannot deal with to the dead letters, and goes on', async () => {
      const [groupId, prefix] = [newName('orders'), newName('b')];
      const mine = newName('order');
      await serve({ groupId, prefix, attemptMax: 2, retryAfterMs: 1 });

      await client.send([record(TOPIC, 'poisoned', 'poison'), record(TOPIC, 'poisoned', mine)]);

      await until('the one behind is taken', () => Orders.taken.some(({ order }) => order === mine));
      const dead: string[] = [];
      const reading = await client.subscribe({
        groupId: newName('operator'),
        topics: [`${prefix}.dead`],
        from: 'earliest',
        onBatch: async ({ records }) => {
          dead.push(...records.map(({ headers }) => headers['atone-dead-reason'] ?? ''));
        },
      });
      await until('there is a dead letter', () => dead.length > 0);
      await reading.close();
      expect(dead[0]).toBe('Its handler has failed 2 times: Internal server error');
    });

    test('takes again what another instance was at when it was killed', async () => {
      const groupId = newName('orders');
      const order = newName('order');
      const doomed = await startDoomedService(groupId, async () => client.send([record(TOPIC, 'k', order)]));

      await doomed.kill();
      await serve({ groupId, prefix: newName('c') });

      await until('it is taken', () => Orders.taken.some((taken) => taken.order === order), 60_000);
      expect(Orders.taken.filter((taken) => taken.order === order)).toHaveLength(1);
    });
  },
);

describe('a message that a service takes in batches, within a global transaction,', () => {
  const clients: KafkaClient[] = [];

  beforeAll(async () => {
    clients.push(await connectKafka({ brokers: testBrokers(), clientId: 'messages' }));
  });

  afterAll(async () => Promise.all(clients.map(async (one) => one.close())));

  describeMessages((service) => ({
    strategy: new AtoneKafkaServer({
      // Nest asks for it in a hook, after the one above.
      client: clients[0] as KafkaClient,
      groupId: newName(service),
      createTopics: CREATE,
    }),
  }));
});

async function startDoomedService(
  groupId: string,
  send: () => Promise<void>,
): Promise<{ kill(): Promise<void> }> {
  const program = fileURLToPath(new URL('doomed.service.mjs', import.meta.url));
  const args = ['--conditions=@atone/source', program, testBrokers().join(','), groupId, TOPIC];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await send();
  await once(child.stdout, 'data');
  return {
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
