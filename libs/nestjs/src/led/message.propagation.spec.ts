import 'reflect-metadata';
import type { Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger, type INestMicroservice } from '@nestjs/common';
import { ClientProxyFactory, MqttRecordBuilder, Transport, type ClientProxy } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { TestingModule } from '@nestjs/testing';
import { currentTransaction, NoTransactionError, type Propagation } from '@atone/participant';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { Desk } from '../testing/desk.fixture.js';
import { compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { tcp } from '../testing/transport.fixture.js';
import { atoneClientProxy } from './client.proxy.js';
import { GlobalTransactions } from './global-transactions.service.js';
import { envelop } from './message.envelope.js';

let desk: INestMicroservice;
let newClient: () => ClientProxy;
let client: ClientProxy;
let plainClient: ClientProxy;
let orders: TestingModule;
let coordinator: FakeCoordinator;
/** Warnings and errors. */
let logged: unknown[];

beforeAll(async () => {
  const module = await compileWith(new FakeCoordinator(), {
    controllers: [Desk],
    options: { service: 'desk' },
  });
  const wire = await tcp();
  desk = module.createNestMicroservice({ ...wire.served, logger: false });
  await desk.listen();
  newClient = () => ClientProxyFactory.create(wire.reach(desk));
  client = atoneClientProxy(newClient());
  plainClient = newClient();
});

afterAll(async () => {
  Logger.overrideLogger(false);
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
  logged = [];
  const log = (entry: unknown): unknown => logged.push(entry);
  Logger.overrideLogger({ log: () => undefined, warn: log, error: log });
});

function inTransaction<Result>(work: () => Promise<Result>): Promise<Result> {
  return orders.get(GlobalTransactions).run({ name: 'place-order' }, work);
}

/** What a service enlists below the first call of an initiator. */
const BELOW_FIRST = expect.stringMatching(/^1~[a-z0-9]{4,8}\.1~run\.1$/u);

describe('a message of a client that is no provider', () => {
  test('carries the transaction when it was said so', async () => {
    const answer = await inTransaction(() => firstValueFrom(client.send('reserve', { sku: 'lamp' })));

    expect(answer).toBe('lamp reserved');
    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('is refused outside of a transaction when it must be part of one', async () => {
    const mandatory = atoneClientProxy(newClient(), { mandatory: true });
    const ask = (): Promise<unknown> => firstValueFrom(mandatory.send('where', {}));
    const run = (propagation: Propagation): Promise<unknown> =>
      orders.get(GlobalTransactions).run({ name: 'place-order', propagation }, ask);

    const answers = [await run('REQUIRED'), await run('NOT_SUPPORTED')];

    expect(answers).toEqual([true, false]);
    await expect(ask()).rejects.toThrow(/^message "where" needs a global transaction.*`bindTransaction`/u);
    await expect(run('SUPPORTS')).rejects.toThrow(NoTransactionError);
    mandatory.close();
  });

  test('that is refused outside of a transaction tells nobody why', async () => {
    await expect(firstValueFrom(client.send('refuse', {}))).rejects.toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(logged).toEqual([expect.objectContaining({ reason: 'taken' })]);
  });

  test('of a client that was left as it is carries nothing', async () => {
    const isInside = await inTransaction(() => firstValueFrom(plainClient.send('where', {})));

    expect(isInside).toBe(false);
  });

  test('whose context is not whole is answered by an error, and not carried out', async () => {
    const broken = newClient();
    broken.setOnDispatchHook((packet) => {
      packet.metadata = { 'atone-gid': 'none' };
    });

    await lastValueFrom(broken.emit('opened', 'side'), { defaultValue: undefined });
    await expect(firstValueFrom(broken.send('doors', {}))).rejects.toMatchObject({ status: 'error' });
    expect(logged).toEqual([expect.objectContaining({ code: 'BAD_REQUEST' })]);
    // It is an event that needs none.
    expect(await firstValueFrom(plainClient.send('doors', {}))).toEqual(['side outside']);
    await broken.close();
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

  test('goes into the records of Nest, which keep their options', () => {
    const record = new MqttRecordBuilder({ sku: 'lamp' }).setQoS(1).build();

    const message = envelop(record, CONTEXT);

    expect(message).toBeInstanceOf(record.constructor);
    expect(message).toMatchObject({ options: { qos: 1 }, data: { __atone: CONTEXT, data: { sku: 'lamp' } } });
  });

  test('is opened by a receiver before pipes and handler, and answered by one', async () => {
    const enveloping = atoneClientProxy(newClient(), { by: 'envelope' });

    const answers = await inTransaction(async () => [
      await firstValueFrom(enveloping.send({ cmd: 'shout' }, 'lamp')),
      await lastValueFrom(enveloping.send('count', 2).pipe(toArray())),
    ]);

    expect(answers).toEqual(['LAMP', [1, 2, 3]]);
    expect(coordinator.branches.map((branchId) => branchId[0])).toEqual(['1', '2']);
    await enveloping.close();
  });
});

function emit(pattern: string): Promise<unknown> {
  return lastValueFrom(client.emit(pattern, 'front'), { defaultValue: undefined });
}

describe('an event', () => {
  test('within a transaction is sent, and warned of once for each pattern', async () => {
    await inTransaction(async () => {
      await emit('opened');
      await emit('opened');
    });

    expect(logged).toEqual([expect.stringContaining('The event "opened" was emitted within a global')]);
    expect(await firstValueFrom(client.send('doors', {}))).toEqual(['front outside', 'front outside']);
  });

  test('after the commit, or outside, is not warned of', async () => {
    await inTransaction(async () => currentTransaction()?.afterCommit(() => emit('closed')));
    await emit('closed');

    expect(logged).toEqual([]);
  });
});
