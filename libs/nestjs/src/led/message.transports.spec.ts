import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AsyncResource } from 'node:async_hooks';
import type { INestMicroservice } from '@nestjs/common';
import { ClientsModule, NatsRecordBuilder, type ClientProxy } from '@nestjs/microservices';
import { Test, type TestingModule } from '@nestjs/testing';
import { refusalOf } from '@atone/participant';
import { headers } from '@nats-io/transport-node';
import { concatMap, firstValueFrom, lastValueFrom, mergeMap, take, toArray } from 'rxjs';
import { Desk, PlainDesk } from '../testing/desk.fixture.js';
import { compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { nats, WIRES, type Wire } from '../testing/transport.fixture.js';
import { GlobalTransactions } from './global-transactions.service.js';

/** What a service enlists below the first call of an initiator. */
const BELOW_FIRST = expect.stringMatching(/^1~[a-z0-9]{4,8}\.1~run\.1$/u);

/** Where no transaction is. */
const outside = new AsyncResource('outside');

/** An application with a client of `desk` that it has said nothing about. */
class Orders {
  readonly coordinator = new FakeCoordinator();

  private constructor(private readonly module: TestingModule) {}

  static async start(wire: Wire, desk: INestMicroservice): Promise<Orders> {
    const coordinator = new FakeCoordinator();
    const clients = ClientsModule.register([{ name: 'DESK', ...wire.reach(desk) }]);
    const module = await compileWith(coordinator, { imports: [clients] });
    await module.init();
    return Object.assign(new Orders(module), { coordinator });
  }

  get client(): ClientProxy {
    return this.module.get('DESK');
  }

  run<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.module.get(GlobalTransactions).run({ name: 'place-order' }, work);
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.module.close();
  }
}

async function startDesk(wire: Wire): Promise<INestMicroservice> {
  const module = await compileWith(new FakeCoordinator(), {
    controllers: [Desk],
    options: { service: 'desk' },
  });
  const desk = module.createNestMicroservice({ ...wire.served, logger: false });
  await desk.listen();
  return desk;
}

async function startPlainDesk(wire: Wire): Promise<INestMicroservice> {
  const module = await Test.createTestingModule({ controllers: [PlainDesk] }).compile();
  const desk = module.createNestMicroservice({ ...wire.served, logger: false });
  await desk.listen();
  return desk;
}

describe.each(WIRES)('a message over %s', (_, newWire) => {
  let wire: Wire;
  let desk: INestMicroservice;
  let orders: Orders;

  beforeAll(async () => {
    wire = await newWire();
    desk = await startDesk(wire);
  });

  beforeEach(async () => {
    await orders?.close();
    orders = await Orders.start(wire, desk);
  });

  afterAll(async () => {
    await orders.close();
    await desk.close();
    await wire.close();
  });

  test('has its handler take part in the transaction of whoever sends it', async () => {
    const answer = await orders.run(() => firstValueFrom(orders.client.send('reserve', { sku: 'lamp' })));

    expect(answer).toBe('lamp reserved');
    expect(orders.coordinator.decided).toEqual(['commit place-order']);
    expect(orders.coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('comes to the pipes of its handler, under whatever pattern', async () => {
    const answer = await orders.run(() => firstValueFrom(orders.client.send({ cmd: 'shout' }, 'lamp')));

    expect(answer).toBe('LAMP');
    expect(orders.coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('is a call of its own at each subscription', async () => {
    const message = orders.client.send('reserve', { sku: 'lamp' });

    await orders.run(() => Promise.all([firstValueFrom(message), firstValueFrom(message)]));

    expect(new Set(orders.coordinator.branches.map((id) => id[0]))).toEqual(new Set(['1', '2']));
  });

  test('with many answers is in flight until the last one', async () => {
    const answers = await orders.run(() => lastValueFrom(orders.client.send('count', 3).pipe(toArray())));

    expect(answers).toEqual([1, 2, 3, 4]);
    expect(orders.coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('without an answer has returned when that is known', async () => {
    const answers = await orders.run(() => lastValueFrom(orders.client.send('none', 0).pipe(toArray())));

    expect(answers).toEqual([]);
  });

  test('is off the list when nobody waits for its last answer', async () => {
    const answers = await orders.run(() =>
      lastValueFrom(orders.client.send('count', 3).pipe(take(2), toArray())),
    );

    expect(answers).toEqual([1, 2]);
    expect(orders.coordinator.decisions).toEqual([]);
  });

  test('is off the list when its handler throws, though the sender goes on', async () => {
    const answers = await orders.run(async () => [
      await firstValueFrom(orders.client.send('fail', {})).catch((error: unknown) => error),
      await firstValueFrom(orders.client.send('reserve', { sku: 'lamp' })),
    ]);

    expect(answers).toMatchObject([{ message: 'out of order' }, 'lamp reserved']);
    expect(orders.coordinator.branches).toEqual([expect.stringMatching(/^2~/u)]);
  });

  test.each([
    ['refuse', { reason: 'taken', details: { room: 7 } }],
    ['renounce', { reason: 'no beds left' }],
  ])('tells its sender why it was refused, and is off the list (%s)', async (pattern, refusal) => {
    const error = await orders.run(() =>
      firstValueFrom(orders.client.send(pattern, {})).catch((thrown: unknown) => thrown),
    );

    expect(refusalOf(error)).toMatchObject(refusal);
    expect(orders.coordinator.branches).toEqual([]);
  });

  test('outside of a transaction carries nothing', async () => {
    expect(await firstValueFrom(orders.client.send('where', {}))).toBe(false);
  });

  test('that follows another one in a pipe is part of the same transaction, whoever has opened the connection', async () => {
    const { client } = orders;
    const reserve = client.send('reserve', { sku: 'lamp' });
    await orders.run(() => firstValueFrom(reserve));

    await orders.run(() =>
      firstValueFrom(
        client.send('count', 2).pipe(
          concatMap(() => reserve),
          toArray(),
        ),
      ),
    );

    expect(new Set(orders.coordinator.branches.map((id) => id[0]))).toEqual(new Set(['1', '2', '3', '4']));
  });

  test('that follows another one outside stays outside, also while the transaction goes on that has opened the connection', async () => {
    const { client } = orders;
    const where = client.send('where', {});

    const isInside = await orders.run(async () => {
      await firstValueFrom(client.send('reserve', { sku: 'lamp' }));
      return outside.runInAsyncScope(() => firstValueFrom(where.pipe(mergeMap(() => where))));
    });

    expect(isInside).toBe(false);
  });

  test('that is an event is heard outside of the transaction', async () => {
    await orders.run(async () => {
      await lastValueFrom(orders.client.emit('opened', 'front'), { defaultValue: undefined });
      return firstValueFrom(orders.client.send('reserve', { sku: 'lamp' }));
    });

    expect(await firstValueFrom(orders.client.send('doors', {}))).toEqual(['front outside']);
  });
});

describe.each(WIRES)('a receiver without AtoneModule over %s', (_, newWire) => {
  test('reads the payload as ever, and its answer enlists nothing', async () => {
    const wire = await newWire();
    const desk = await startPlainDesk(wire);
    const orders = await Orders.start(wire, desk);

    const answer = await orders.run(() => firstValueFrom(orders.client.send('reserve', { sku: 'lamp' })));

    expect(answer).toMatchObject({ payload: { sku: 'lamp' } });
    expect(orders.coordinator.decisions).toEqual([]);
    await orders.close();
    await desk.close();
    await wire.close();
  });
});

test('a record of NATS keeps its headers, and nothing of the transaction stays in it', async () => {
  const wire = await nats();
  const desk = await startPlainDesk(wire);
  const orders = await Orders.start(wire, desk);
  const own = headers();
  own.set('x-version', '2');
  const record = new NatsRecordBuilder({ sku: 'lamp' }).setHeaders(own).build();

  const answer = await orders.run(() => firstValueFrom(orders.client.send('reserve', record)));

  expect(answer).toEqual({ payload: { sku: 'lamp' }, version: '2', from: 'orders' });
  expect([...own.keys()]).toEqual(['x-version']);
  await orders.close();
  await desk.close();
  await wire.close();
});
