import { newOrder, OrdersController, PaymentsController, StockController } from '@atone/example-music-shop';
import { Sagas } from '@atone/nestjs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Module, StandardSchemaValidationPipe, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { codeBlocks, readText } from '../docs/markdown.js';
import { composeFile, servicesOf } from './compose.file.js';

/** What a page has somebody send to a service of Compose. */
interface ShopCall {
  readonly service: string;
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body: string | undefined;
}

const CONTROLLERS: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['orders', OrdersController],
  ['stock', StockController],
  ['payments', PaymentsController],
]);

const SHOWN = blockBehind('<!-- calls of the shop -->').split('\n').filter(Boolean).map(readCall);
const CALLS = SHOWN.filter(({ service }) => CONTROLLERS.has(service));

@Module({})
class ServiceModule {}

let services: ReadonlyMap<string, NestFastifyApplication>;

beforeAll(async () => {
  const started = [...CONTROLLERS].map(async ([name, type]) => [name, await start(type)] as const);
  services = new Map(await Promise.all(started));
});

afterAll(async () => {
  await Promise.all([...services.values()].map(async (service) => service.close()));
});

describe('the calls by which the manual places an order', () => {
  test('are one to each service of the shop, and one to the other coordinator', () => {
    expect(SHOWN.map(({ service }) => service)).toEqual(['stock', 'payments', 'orders', 'coordinator-2']);
    expect(servicesOf('coordinator').map(([name]) => name)).toContain(SHOWN.at(-1)?.service);
  });

  test.each(CALLS)('$method $path is what $service takes', async ({ service, method, path, body = '' }) => {
    const answer = await services.get(service)?.inject({
      method,
      url: path,
      headers: { 'content-type': 'application/json' },
      payload: body,
    });

    expect([200, 201]).toContain(answer?.statusCode);
  });

  test.each(CALLS)('$method $path without its body is refused', async ({ service, method, path }) => {
    const answer = await services.get(service)?.inject({ method, url: path, payload: {} });

    expect(answer?.statusCode).toBe(400);
  });

  test('fill shelf and wallet with what the order needs', () => {
    const [shelves, wallets, order] = CALLS.map(({ body = '' }) => JSON.parse(body) as unknown);
    const { title, quantity, customerId, amountCents } = newOrder.parse(order);

    expect(shelves).toEqual({ titles: [{ title, quantity: expect.any(Number) }] });
    expect(wallets).toEqual({ wallets: [{ customerId, cents: expect.any(Number) }] });
    expect(numberIn(shelves, 'quantity')).toBeGreaterThanOrEqual(quantity);
    expect(numberIn(wallets, 'cents')).toBeGreaterThanOrEqual(amountCents);
  });
});

/** Starts a controller as its service does, with a database and a coordinator that say yes to everything. */
async function start(controller: Type): Promise<NestFastifyApplication> {
  const module = {
    module: ServiceModule,
    controllers: [controller],
    providers: [
      { provide: DataSource, useValue: { query: async () => [] } },
      { provide: Sagas, useValue: { submit: async () => ({ gid: 'gid', outcome: 'committed' }) } },
    ],
  };
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    logger: false,
  });
  app.useGlobalPipes(new StandardSchemaValidationPipe());
  return app.init();
}

function numberIn(body: unknown, name: string): number {
  return Number(new RegExp(`"${name}":(\\d+)`, 'u').exec(JSON.stringify(body))?.[1]);
}

function readCall(command: string): ShopCall {
  const {
    method,
    port = '',
    path = '',
  } = /^curl (?:-X (?<method>\w+) )?.*?http:\/\/127\.0\.0\.1:(?<port>\d+)(?<path>\/\S*)/u.exec(command)
    ?.groups ?? {};
  const body = /--json '(?<body>[^']*)'/u.exec(command)?.groups?.['body'];
  return {
    service: serviceAt(port),
    method: (method ?? (body === undefined ? 'GET' : 'POST')) as ShopCall['method'],
    path,
    body,
  };
}

/** Which service Compose publishes at that port of the machine. */
function serviceAt(port: string): string {
  const found = Object.entries(composeFile().services).find(([, { ports = [] }]) =>
    ports.some((each) => each.split(':')[1] === port),
  );
  return found?.[0] ?? `nobody at ${port}`;
}

function blockBehind(mark: string): string {
  const page = readText('docs/deployment.md');
  return codeBlocks(page.slice(page.indexOf(mark)))[0]?.text ?? '';
}
