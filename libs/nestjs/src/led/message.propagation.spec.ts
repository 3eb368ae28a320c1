import 'reflect-metadata';
import type { Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Injectable, type INestMicroservice, type PipeTransform } from '@nestjs/common';
import {
  ClientProxyFactory,
  MessagePattern,
  NatsRecordBuilder,
  Payload,
  RpcException,
  Transport,
  type ClientProxy,
} from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { TestingModule } from '@nestjs/testing';
import { currentTransaction } from '@atone/participant';
import {
  concat,
  EMPTY,
  defer,
  firstValueFrom,
  lastValueFrom,
  map,
  of,
  take,
  toArray,
  type Observable,
} from 'rxjs';
import { callStock, compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { atoneClientProxy } from './client.proxy.js';
import { GlobalTransactions } from './global-transactions.service.js';
import { envelop } from './message.envelope.js';

@Injectable()
class Upper implements PipeTransform<string, string> {
  transform(text: string): string {
    return text.toUpperCase();
  }
}

@Controller()
class Desk {
  @MessagePattern('reserve')
  async reserve({ sku }: { readonly sku: string }): Promise<string> {
    await callStock();
    return `${sku} reserved`;
  }

  @MessagePattern({ cmd: 'shout' })
  async shout(@Payload(Upper) text: string): Promise<string> {
    await callStock();
    return text;
  }

  @MessagePattern('count')
  count(to: number): Observable<number> {
    const numbers = of(...Array.from({ length: to }, (_, position) => position + 1));
    return concat(numbers, defer(() => callStock()).pipe(map(() => to + 1)));
  }

  @MessagePattern('none')
  none(): Observable<never> {
    return EMPTY;
  }

  @MessagePattern('fail')
  async fail(): Promise<never> {
    await callStock();
    throw new RpcException('out of order');
  }

  @MessagePattern('where')
  async where(): Promise<boolean> {
    return currentTransaction() !== undefined;
  }
}

let desk: INestMicroservice;
let client: ClientProxy;
let plainClient: ClientProxy;
let orders: TestingModule;
let coordinator: FakeCoordinator;

beforeAll(async () => {
  const module = await compileWith(new FakeCoordinator(), {
    controllers: [Desk],
    options: { service: 'desk' },
  });
  desk = module.createNestMicroservice({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0 },
    logger: false,
  });
  await desk.listen();
  const { port } = desk.unwrap<Server>().address() as { port: number };
  const newClient = (): ClientProxy =>
    ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  client = atoneClientProxy(newClient());
  plainClient = newClient();
});

afterAll(async () => {
  client.close();
  plainClient.close();
  await desk.close();
  await orders.close();
});

beforeEach(async () => {
  await orders?.close();
  coordinator = new FakeCoordinator();
  orders = await compileWith(coordinator, {});
  await orders.init();
});

function inTransaction<Result>(work: () => Promise<Result>): Promise<Result> {
  return orders.get(GlobalTransactions).run({ name: 'place-order' }, work);
}

/** What a service enlists below the first call of an initiator. */
const BELOW_FIRST = expect.stringMatching(/^1~[a-z0-9]{4,8}\.1~run\.1$/u);

describe('a message', () => {
  test('has its handler take part in the transaction of whoever sends it', async () => {
    const answer = await inTransaction(() => firstValueFrom(client.send<string>('reserve', { sku: 'lamp' })));

    expect(answer).toBe('lamp reserved');
    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('is unwrapped before the pipes of the handler', async () => {
    const answer = await inTransaction(() => lastValueFrom(client.send<string>({ cmd: 'shout' }, 'lamp')));

    expect(answer).toBe('LAMP');
    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('is a call of its own at each subscription', async () => {
    const message = client.send<string>('reserve', { sku: 'lamp' });

    await inTransaction(() => Promise.all([firstValueFrom(message), firstValueFrom(message)]));

    expect(new Set(coordinator.branches.map((branchId) => branchId[0]))).toEqual(new Set(['1', '2']));
  });

  test('with many answers is in flight until the last one', async () => {
    const answers = await inTransaction(() => lastValueFrom(client.send<number>('count', 3).pipe(toArray())));

    expect(answers).toEqual([1, 2, 3, 4]);
    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('without an answer has returned when that is known', async () => {
    const answers = await inTransaction(() => lastValueFrom(client.send<number>('none', 0).pipe(toArray())));

    expect(answers).toEqual([]);
  });

  test('is off the list when nobody waits for its last answer', async () => {
    const answers = await inTransaction(() =>
      lastValueFrom(client.send<number>('count', 3).pipe(take(2), toArray())),
    );

    expect(answers).toEqual([1, 2]);
    expect(coordinator.decisions).toEqual([]);
  });

  test('is off the list when its handler throws, though the sender goes on', async () => {
    const errors = await inTransaction(async () => [
      await firstValueFrom(client.send('fail', {})).catch((error: unknown) => error),
      await firstValueFrom(client.send('reserve', { sku: 'lamp' })),
    ]);

    expect(errors).toMatchObject([{ message: 'out of order' }, 'lamp reserved']);
    expect(coordinator.branches).toEqual([expect.stringMatching(/^2~/u)]);
  });

  test('of a client that was left as it is carries nothing', async () => {
    const isInside = await inTransaction(() => firstValueFrom(plainClient.send('where', {})));

    expect(isInside).toBe(false);
  });

  test('outside of a transaction carries nothing, and gets a plain answer', async () => {
    expect(await firstValueFrom(client.send('where', {}))).toBe(false);
  });

  test('without a payload is refused by Nest, as ever', async () => {
    await expect(inTransaction(() => firstValueFrom(client.send('where', undefined)))).rejects.toThrow(
      'invalid data or message pattern',
    );
  });

  test('is sent once, however often its client was instrumented', async () => {
    atoneClientProxy(client);

    await inTransaction(() => firstValueFrom(client.send<string>('reserve', { sku: 'lamp' })));

    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });
});

test('a hybrid application takes messages of transactions where it says that Nest shall inherit its configuration', async () => {
  const module = await compileWith(new FakeCoordinator(), {
    controllers: [Desk],
    options: { service: 'desk' },
  });
  const app = module.createNestApplication(new FastifyAdapter(), { logger: false });
  const options = { host: '127.0.0.1', port: 0 };
  const server = app.connectMicroservice({ transport: Transport.TCP, options }, { inheritAppConfig: true });
  await app.startAllMicroservices();
  const { port } = server.unwrap<Server>().address() as { port: number };
  const hybrid = atoneClientProxy(
    ClientProxyFactory.create({ transport: Transport.TCP, options: { ...options, port } }),
  );

  await inTransaction(() => firstValueFrom(hybrid.send<string>('reserve', { sku: 'lamp' })));

  expect(coordinator.branches).toEqual([BELOW_FIRST]);
  hybrid.close();
  await app.close();
});

describe('an envelope', () => {
  const CONTEXT = { 'atone-gid': 'g' };

  test('takes the place of the payload', () => {
    expect(envelop({ data: 1 }, CONTEXT)).toEqual({ __atone: CONTEXT, data: { data: 1 } });
  });

  test('goes into the records of Nest, which keep their headers', () => {
    const record = new NatsRecordBuilder({ sku: 'lamp' }).setHeaders({ 'x-version': '1' }).build();

    const message = envelop(record, CONTEXT);

    expect(message).toBeInstanceOf(record.constructor);
    expect(message).toMatchObject({
      headers: { 'x-version': '1' },
      data: { __atone: CONTEXT, data: { sku: 'lamp' } },
    });
  });
});
