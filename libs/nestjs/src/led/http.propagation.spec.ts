import 'reflect-metadata';
import { EventEmitter, once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpModule, HttpService } from '@nestjs/axios';
import {
  Body,
  Controller,
  HttpCode,
  Post,
  ServiceUnavailableException,
  type INestApplication,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { TestingModule } from '@nestjs/testing';
import {
  bindTransaction,
  callHttp,
  currentTransaction,
  NoTransactionError,
  type Propagation,
} from '@atone/participant';
import { firstValueFrom } from 'rxjs';
import type { PropagationOptions } from '../atone.options.js';
import { callStock, compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { GlobalTransaction } from './global-transaction.decorator.js';
import { GlobalTransactions } from './global-transactions.service.js';

/** A plain controller of another service, which calls a third one. */
@Controller()
class Desk {
  readonly open = new EventEmitter();
  private readonly gate = once(this.open, 'opened').then(() => ({ status: 200, headers: {} }));

  @Post('reserve')
  async reserve(@Body() body: { sku?: string }): Promise<{ sku?: string | undefined }> {
    await callStock();
    return { sku: body.sku };
  }

  @Post('book')
  @HttpCode(201)
  @GlobalTransaction({ propagation: 'MANDATORY' })
  async book(@Body('sku') sku: string): Promise<{ name: string; sku: string }> {
    await callStock();
    return { name: currentTransaction()?.isInitiator === false ? 'part' : 'whole', sku };
  }

  @Post('fail')
  async fail(): Promise<never> {
    await callStock();
    throw new ServiceUnavailableException('out of order');
  }

  @Post('forget')
  async forget(): Promise<void> {
    callHttp(() => this.gate).catch(() => undefined);
  }

  @Post('outside')
  async outside(): Promise<{ isInside: boolean }> {
    return { isInside: currentTransaction() !== undefined };
  }
}

const ADAPTERS = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const;

async function startDesk(
  newAdapter: (typeof ADAPTERS)[number][1],
  propagation?: PropagationOptions,
): Promise<{ readonly app: INestApplication; readonly url: string }> {
  const module = await compileWith(new FakeCoordinator(), {
    controllers: [Desk],
    options: { service: 'desk', propagation },
  });
  const app = module.createNestApplication(newAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

let coordinator: FakeCoordinator;
let orders: TestingModule;

beforeEach(() => startOrders());

afterEach(() => orders.close());

async function startOrders(propagation?: PropagationOptions): Promise<void> {
  await orders?.close();
  coordinator = new FakeCoordinator();
  orders = await compileWith(coordinator, {
    imports: [HttpModule, HttpModule.register({ timeout: 5_000 })],
    options: { propagation },
  });
  await orders.init();
}

function inTransaction<Result>(work: () => Promise<Result>): Promise<Result> {
  return orders.get(GlobalTransactions).run({ name: 'place-order' }, work);
}

function post(url: string, body: object = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** What a service enlists below the first call of an initiator. */
const BELOW_FIRST = expect.stringMatching(/^1~[a-z0-9]{4,8}\.1~run\.1$/u);

describe.each(ADAPTERS)('a controller on %s', (_name, newAdapter) => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    ({ app, url } = await startDesk(newAdapter));
  });

  afterAll(() => app.close());

  test('takes part in the transaction whose method calls it by fetch', async () => {
    const response = await inTransaction(() => post(`${url}/reserve`, { sku: 'lamp' }));

    expect(await response.json()).toEqual({ sku: 'lamp' });
    expect(coordinator.decided).toEqual(['commit place-order']);
    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('takes part in one whose method calls it by HttpService', async () => {
    const response = await inTransaction(() =>
      firstValueFrom(orders.get(HttpService).post(`${url}/reserve`, { sku: 'lamp' })),
    );

    expect(response.data).toEqual({ sku: 'lamp' });
    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('may have methods with @GlobalTransaction, whose other decorators work', async () => {
    const response = await inTransaction(() => post(`${url}/book`, { sku: 'lamp' }));

    expect([response.status, await response.json()]).toEqual([201, { name: 'part', sku: 'lamp' }]);
    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test('is off the list when it fails, though the caller goes on', async () => {
    const statuses = await inTransaction(async () => [
      (await post(`${url}/fail`)).status,
      (await post(`${url}/reserve`)).status,
    ]);

    expect(statuses).toEqual([503, 201]);
    expect(coordinator.branches).toEqual([expect.stringMatching(/^2~/u)]);
    expect(coordinator.decisions[0]?.thrown).toMatchObject([{ branchId: BELOW_FIRST }]);
  });

  test('gives no answer of success while its own calls are in flight', async () => {
    const response = await inTransaction(() => post(`${url}/forget`));

    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: 'CALLS_IN_FLIGHT' });
    app.get(Desk).open.emit('opened');
  });

  test('knows nothing of a transaction where there is none', async () => {
    const response = await post(`${url}/outside`);

    expect(await response.json()).toEqual({ isInside: false });
  });

  test('answers 400 to a context that makes no sense, and does nothing', async () => {
    const response = await fetch(`${url}/outside`, { method: 'POST', headers: { 'atone-gid': 'no' } });

    expect(response.status).toBe(400);
  });

  test('takes no part where its service says so', async () => {
    const aside = await startDesk(newAdapter, { inbound: false });

    const response = await inTransaction(() => post(`${aside.url}/outside`));

    expect(await response.json()).toEqual({ isInside: false });
    await aside.app.close();
  });
});

describe('a call', () => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    // What one application lets carry, all of the process do.
    ({ app, url } = await startDesk(ADAPTERS[0][1], { fetch: false, httpService: false }));
  });

  afterAll(() => app.close());

  async function outsideBy(http: HttpService): Promise<unknown> {
    const { data } = await firstValueFrom(http.post<unknown>(`${url}/outside`));
    return data;
  }

  test.each<[string, PropagationOptions]>([
    ['by fetch, if it shall not', { fetch: false }],
    ['to services that do not take part', { to: ({ port }) => port === '1' }],
  ])('carries nothing %s', async (_which, propagation) => {
    await startOrders(propagation);

    const response = await inTransaction(() => post(`${url}/outside`));

    expect(await response.json()).toEqual({ isInside: false });
  });

  test.each<[string, PropagationOptions]>([
    ['if it shall not', { httpService: false }],
    ['to services that do not take part', { to: ({ port }) => port === '1' }],
  ])('by HttpService carries nothing %s', async (_which, propagation) => {
    await startOrders(propagation);

    const answer = await inTransaction(() => outsideBy(orders.get(HttpService)));

    expect(answer).toEqual({ isInside: false });
  });

  test('carries the transaction to services that are named', async () => {
    await startOrders({ to: (to) => to.origin === url });

    await inTransaction(() => post(`${url}/reserve`));

    expect(coordinator.branches).toEqual([BELOW_FIRST]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['fetch', async () => (await post(`${url}/outside`)).json()],
    ['HttpService', () => outsideBy(orders.get(HttpService))],
  ])('by %s to services that must be called in a transaction is refused elsewhere', async (_by, call) => {
    await startOrders({ to: () => false, mandatoryTo: (to) => to.origin === url });
    const run = (propagation: Propagation): Promise<unknown> =>
      orders.get(GlobalTransactions).run({ name: 'place-order', propagation }, call);

    const answers = [await run('REQUIRED'), await run('NOT_SUPPORTED')];

    expect(answers).toEqual([{ isInside: true }, { isInside: false }]);
    await expect(call()).rejects.toThrow(NoTransactionError);
    await expect(run('SUPPORTS')).rejects.toThrow(/needs a global transaction.*`bindTransaction`/u);
  });

  test('after the end of a transaction is refused to services that are named, and is one like any other to those that are not', async () => {
    let call: (() => Promise<Response>) | undefined;
    const remember = async (): Promise<void> => {
      call = bindTransaction(() => post(`${url}/outside`));
    };

    await inTransaction(remember);
    const response = await call?.();
    await startOrders({ to: (to) => to.origin === url });
    await inTransaction(remember);

    expect(await response?.json()).toEqual({ isInside: false });
    await expect(call?.()).rejects.toThrow(/after its method had ended/u);
  });
});

test('the global fetch is wrapped once, whatever starts and stops', async () => {
  const wrapped = globalThis.fetch;

  await startOrders();
  await startOrders();

  expect(globalThis.fetch).toBe(wrapped);
});
