import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpModule, HttpService } from '@nestjs/axios';
import {
  Catch,
  Controller,
  HttpException,
  Inject,
  Post,
  Query,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { TestingModule } from '@nestjs/testing';
import { refusalOf, RefusedError } from '@atone/participant';
import { firstValueFrom } from 'rxjs';
import { callStock, compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { GlobalTransactions } from './global-transactions.service.js';

/** A plain controller, which refuses, or calls another one that does. */
@Controller()
class Desk {
  constructor(@Inject(HttpService) private readonly http: HttpService) {}

  @Post('reserve')
  async reserve(): Promise<never> {
    await callStock();
    throw new RefusedError('taken', { room: 7 });
  }

  @Post('forward')
  async forward(@Query('to') to: string): Promise<unknown> {
    const { data } = await firstValueFrom(this.http.post<unknown>(to));
    return data;
  }

  @Post('refuse')
  async refuse(): Promise<never> {
    throw new RefusedError('only three left');
  }

  @Post('break')
  async break(): Promise<never> {
    throw new Error('out of order');
  }
}

@Catch()
class AnythingFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    answer(host, status, { filteredBy: 'anything' });
  }
}

@Catch(RefusedError)
class RefusedFilter implements ExceptionFilter {
  catch({ reason, details }: RefusedError, host: ArgumentsHost): void {
    answer(host, 422, { filteredBy: 'refused', reason, details });
  }
}

function answer(host: ArgumentsHost, status: number, body: object): void {
  host
    .switchToHttp()
    .getResponse<{ status(status: number): { send(body: object): void } }>()
    .status(status)
    .send(body);
}

const ADAPTERS = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const;

let coordinator: FakeCoordinator;
let orders: TestingModule;
let desk: INestApplication;

beforeEach(async () => {
  coordinator = new FakeCoordinator();
  orders = await compileWith(coordinator, { imports: [HttpModule] });
  await orders.init();
});

afterEach(async () => {
  await desk.close();
  await orders.close();
});

async function startDesk(
  newAdapter: (typeof ADAPTERS)[number][1],
  providers: Provider[] = [],
): Promise<string> {
  const module = await compileWith(new FakeCoordinator(), {
    imports: [HttpModule],
    controllers: [Desk],
    providers,
    options: { service: 'desk' },
  });
  desk = module.createNestApplication(newAdapter(), { logger: false });
  await desk.listen(0, '127.0.0.1');
  return desk.getUrl();
}

function inTransaction<Result>(work: () => Promise<Result>): Promise<Result> {
  return orders.get(GlobalTransactions).run({ name: 'place-order' }, work);
}

async function post(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method: 'POST' });
  return { status: response.status, body: await response.json() };
}

describe.each(ADAPTERS)('a controller on %s that throws a RefusedError', (_name, newAdapter) => {
  test('answers 409 with the reason, and the caller goes on without it', async () => {
    const url = await startDesk(newAdapter);

    const { status, body } = await inTransaction(() => post(`${url}/reserve`));

    expect([status, body]).toEqual([
      409,
      {
        type: 'urn:atone:problem:refused',
        title: 'Refused',
        status: 409,
        code: 'REFUSED',
        detail: 'taken',
        details: { room: 7 },
      },
    ]);
    expect(coordinator.decisions).toMatchObject([
      { to: 'commit', branches: [], thrown: [{ service: 'stock' }] },
    ]);
  });

  test('is read as a refusal by who calls it by HttpService', async () => {
    const url = await startDesk(newAdapter);
    const calling = inTransaction(() => firstValueFrom(orders.get(HttpService).post(`${url}/reserve`)));

    const error: unknown = await calling.catch((thrown: unknown) => thrown);

    expect(refusalOf(error)).toMatchObject({ reason: 'taken', details: { room: 7 } });
  });

  test('is passed on by a controller that has called it and does not catch', async () => {
    const url = await startDesk(newAdapter);

    const { status, body } = await inTransaction(() => post(`${url}/forward?to=${url}/reserve`));

    expect([status, body]).toMatchObject([409, { code: 'REFUSED', detail: 'taken', details: { room: 7 } }]);
  });

  test('answers 409 outside of transactions, too, and tells nobody why', async () => {
    const url = await startDesk(newAdapter);

    expect(await post(`${url}/refuse`)).toEqual({
      status: 409,
      body: { statusCode: 409, message: 'Conflict' },
    });
  });

  test('leaves other errors as they are', async () => {
    const url = await startDesk(newAdapter);

    const { status } = await inTransaction(() => post(`${url}/break`));

    expect(status).toBe(500);
  });

  test.each<[string, Provider[], object]>([
    [
      'takes anything',
      [{ provide: APP_FILTER, useClass: AnythingFilter }],
      { status: 409, body: { filteredBy: 'anything' } },
    ],
    [
      'waits for a RefusedError',
      [{ provide: APP_FILTER, useClass: RefusedFilter }],
      { status: 422, body: { filteredBy: 'refused', reason: 'taken', details: { room: 7 } } },
    ],
  ])('leaves its answer to a filter that %s', async (_what, filters, expected) => {
    const url = await startDesk(newAdapter, filters);

    expect(await inTransaction(() => post(`${url}/reserve`))).toEqual(expected);
  });
});
