import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  action,
  contract,
  NoTransactionError,
  startCommandServer,
  type CommandServer,
  type Participant,
  type ServiceClient,
} from '@atone/participant';
import type { BranchCommand, SigningKey } from '@atone/protocol';
import { z } from 'zod';
import { Action } from '../action.decorator.js';
import { ATONE_CONNECTION } from '../atone.connection.js';
import { AtoneModule } from '../atone.module.js';
import { compileWith, FakeCoordinator, readyDatabase } from '../testing/led.fixture.js';
import { GlobalTransaction } from './global-transaction.decorator.js';
import { clientProviders, clientToken, InjectClient, type AnyContract } from './service.clients.js';

const text = { input: z.string(), output: z.string() };
const stock = contract('stock', { reserve: action(text) });
const orders = contract('client-orders', { note: action(text) });

@Injectable()
class Orders {
  constructor(@InjectClient(stock) private readonly stockClient: ServiceClient<typeof stock>) {}

  @GlobalTransaction()
  async reserve(sku: string): Promise<string> {
    return this.stockClient.reserve(sku, { timeout: '5s' });
  }

  async reserveOutside(): Promise<string> {
    return this.stockClient.reserve('lamp');
  }

  @Action(orders.note, { compensate: 'unnote' })
  async note(what: string): Promise<string> {
    return what;
  }

  async unnote(): Promise<void> {}
}

const KEY: SigningKey = { keyId: 'k1', secret: 'for tests only' };

let coordinator: FakeCoordinator;
let module: TestingModule;
let server: CommandServer | undefined;

beforeEach(() => {
  coordinator = new FakeCoordinator();
});

afterEach(async () => {
  await module?.close();
  await server?.close();
  server = undefined;
});

/** Takes commands at a port of its own, and answers with what it was told. */
async function startStock(): Promise<{ readonly commands: BranchCommand[]; readonly url: string }> {
  const commands: BranchCommand[] = [];
  const participant: Participant = {
    service: 'stock',
    handlers: [],
    execute: async (command) => {
      commands.push(command);
      const enlistment = { kind: 'saga', nonce: 'nonce-of-stock', inputHash: '0'.repeat(64) } as const;
      return { outcome: 'done', output: `${JSON.stringify(command.input)} reserved`, enlistment };
    },
    idle: async () => undefined,
  };
  server = await startCommandServer({ participant, port: 0, keys: [KEY] });
  return { commands, url: new URL(server.url).origin };
}

async function startOrders(services?: Readonly<Record<string, string>>): Promise<Orders> {
  module = await compileWith(coordinator, {
    providers: [Orders],
    options: {
      service: 'client-orders',
      clients: [stock],
      services,
      keys: [KEY],
      listen: { port: 0 },
      database: readyDatabase,
    },
  });
  await module.init();
  return module.get(Orders);
}

describe('an injected client', () => {
  test('calls the service where the options say that it is, signed, as a branch of the transaction', async () => {
    const { commands, url } = await startStock();
    const instance = await startOrders({ stock: url });

    const result = await instance.reserve('lamp');

    expect(result).toBe('"lamp" reserved');
    expect(commands).toMatchObject([
      { branchId: '1', op: 'action', action: 'reserve', input: 'lamp', led: { initiator: 'client-orders' } },
    ]);
    expect(coordinator.decisions).toMatchObject([
      { to: 'commit', branches: [{ branchId: '1', nonce: 'nonce-of-stock' }] },
    ]);
  });

  test('calls it where the catalogue of the coordinator says', async () => {
    const { url } = await startStock();
    coordinator.instances.push({
      service: 'stock',
      instance: 's1',
      baseUrl: url,
      kind: 'library',
      protocol: 1,
      actions: [],
      registeredAt: '2026-01-01T00:00:00Z',
      seenAt: '2026-01-01T00:00:00Z',
    } as never);
    const instance = await startOrders();

    await expect(instance.reserve('lamp')).resolves.toBe('"lamp" reserved');
  });

  test('is no client outside of a transaction', async () => {
    const instance = await startOrders();

    await expect(instance.reserveOutside()).rejects.toThrow(NoTransactionError);
  });

  test('is there for modules whose options come from a factory', async () => {
    const options = { service: 'web', coordinator: { url: 'http://a.test' } };
    module = await Test.createTestingModule({
      imports: [AtoneModule.forRootAsync({ useFactory: () => options, clients: [stock] })],
    }).compile();

    expect(module.get(clientToken(stock))).toEqual({ reserve: expect.any(Function) });
  });

  test('can be replaced by its token', async () => {
    module = await compileWith(coordinator, {
      providers: [Orders],
      options: {
        service: 'client-orders',
        clients: [stock],
        listen: { port: 0 },
        database: readyDatabase,
      },
      override: (builder) =>
        builder.overrideProvider(clientToken(stock)).useValue({ reserve: async () => 'fake' }),
    });
    await module.init();

    await expect(module.get(Orders).reserve('lamp')).resolves.toBe('fake');
  });
});

test('an injected client of another contract does not compile', () => {
  // Named here, and proved by the build alone: each @ts-expect-error below fails it where there is no error.
  expect(compileErrors).toBeInstanceOf(Function);
});

describe('a client is refused', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'of a contract that an import cycle left undefined',
      () => InjectClient(undefined as never),
      /@InjectClient was given what is no contract of a service\..*import cycle/u,
    ],
    [
      'of what is no contract',
      () => clientProviders([{ reserve: text } as object as AnyContract]),
      /`clients` of AtoneModule was given what is no contract/u,
    ],
    ['of nothing', () => clientProviders([{}]), /no contract of a service/u],
    [
      'of two contracts of one service',
      () =>
        AtoneModule.forRoot({
          service: 'a',
          coordinator: { url: 'http://a.test' },
          clients: [stock, contract('stock', { other: action(text) })],
        }),
      /names two contracts of the service 'stock'. Keep one/u,
    ],
  ])('%s', (_what, use, message) => {
    expect(use).toThrow(message);
  });

  test('whose contract AtoneModule does not know, at the start and with the cure', async () => {
    const connection = { provide: ATONE_CONNECTION, useValue: undefined };
    const compiling = Test.createTestingModule({
      imports: [AtoneModule.forRoot({ service: 'client-orders', coordinator: { url: 'http://a.test' } })],
      providers: [Orders, connection],
    }).compile();

    await expect(compiling).rejects.toThrow(
      /client of 'stock': add its contract to `clients` of AtoneModule/u,
    );
  });
});

/** Checked by the compiler; never run. */
function compileErrors(): unknown[] {
  class OtherContract {
    // @ts-expect-error -- the client of 'client-orders' has no method 'reserve'
    constructor(@InjectClient(orders) readonly stockClient: ServiceClient<typeof stock>) {}
  }
  class Exchanged {
    constructor(
      readonly first: string,
      // @ts-expect-error -- this is the other one
      @InjectClient(orders) readonly stockClient: ServiceClient<typeof stock>,
      // @ts-expect-error -- and so is this
      @InjectClient(stock) readonly orderClient: ServiceClient<typeof orders>,
    ) {}
  }
  class OtherProperty {
    // @ts-expect-error -- the client of 'stock' has no method 'note'
    @InjectClient(stock)
    orderClient!: ServiceClient<typeof orders>;
  }
  class Fitting {
    @InjectClient(stock)
    readonly stockClient!: ServiceClient<typeof stock>;

    @InjectClient(stock)
    private readonly hidden!: ServiceClient<typeof stock>;

    constructor(
      @InjectClient(stock) readonly all: ServiceClient<typeof stock>,
      @InjectClient(stock) readonly part: Pick<ServiceClient<typeof stock>, 'reserve'>,
      @InjectClient(orders) private readonly shape: { note(what: string): Promise<string> },
    ) {}

    members(): unknown[] {
      return [this.hidden, this.shape];
    }
  }
  return [OtherContract, Exchanged, OtherProperty, Fitting];
}
