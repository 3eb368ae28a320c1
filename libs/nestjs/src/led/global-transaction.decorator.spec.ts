import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Inject, Injectable, Scope, SetMetadata, type OnModuleInit, type Provider } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import type { TestingModule } from '@nestjs/testing';
import { currentTransaction, MisuseError, outcomeOfError } from '@atone/participant';
import { callStock, compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { GlobalTransaction } from './global-transaction.decorator.js';
import { GlobalTransactions } from './global-transactions.service.js';

const Label = SetMetadata('label', 'a label');

@Injectable()
class Orders {
  constructor(@Inject('PREFIX') private readonly prefix: string) {}

  @GlobalTransaction({ name: 'place-order', timeout: '5s', tags: { shop: 'music' }, lane: 'blue' })
  async place(sku: string): Promise<string> {
    await callStock();
    return this.prefix + sku;
  }

  @GlobalTransaction()
  async placeTwice(): Promise<void> {
    await this.place('a');
    await this.place('b');
  }

  @GlobalTransaction()
  async fail(): Promise<never> {
    await callStock();
    throw new Error('no such thing');
  }

  @GlobalTransaction({ abortOn: (isDone: boolean) => !isDone })
  async maybe(isDone: boolean): Promise<boolean> {
    await callStock();
    return isDone;
  }

  @GlobalTransaction({ propagation: 'MANDATORY' })
  async onlyWithin(): Promise<void> {}

  @Label
  @GlobalTransaction()
  @SetMetadata('inner', 'below it')
  async labelled(_one: string, _two: string): Promise<void> {}
}

const PREFIX: Provider = { provide: 'PREFIX', useValue: 'ordered ' };

let coordinator: FakeCoordinator;
let module: TestingModule;

beforeEach(() => {
  coordinator = new FakeCoordinator();
});

afterEach(() => module?.close());

async function start<Instance>(
  type: new (...args: never[]) => Instance,
  ...others: Provider[]
): Promise<Instance> {
  module = await compileWith(coordinator, { providers: [type, PREFIX, ...others] });
  await module.init();
  return module.get(type);
}

describe('a method with @GlobalTransaction', () => {
  test('commits when it returns, with what it is called by', async () => {
    const orders = await start(Orders);

    const result = await orders.place('lamp');

    expect(result).toBe('ordered lamp');
    expect(coordinator.decisions).toMatchObject([
      {
        to: 'commit',
        name: 'place-order',
        initiator: 'orders',
        timeoutMs: 5_000,
        tags: { shop: 'music' },
        lane: 'blue',
        branches: [{ branchId: '1~run.1', service: 'stock', action: 'reserve' }],
      },
    ]);
  });

  test('aborts when it throws, and the error tells so', async () => {
    const orders = await start(Orders);

    const error: unknown = await orders.fail().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ message: 'no such thing', outcome: 'aborted' });
    expect(outcomeOfError(error)?.gid).toBe(coordinator.decisions[0]?.gid);
    expect(coordinator.decided).toEqual(['abort orders-fail']);
  });

  test('aborts on results that it names', async () => {
    const orders = await start(Orders);

    const results = [await orders.maybe(true), await orders.maybe(false)];

    expect(results).toEqual([true, false]);
    expect(coordinator.decided).toEqual(['commit orders-maybe', 'abort orders-maybe']);
  });

  test('joins the transaction of the method that calls it', async () => {
    const orders = await start(Orders);

    await orders.placeTwice();

    expect(coordinator.decided).toEqual(['commit orders-place-twice']);
    expect(coordinator.branches).toEqual(['1~run.1', '2~run.1']);
  });

  test('throws where its propagation wants a transaction and there is none', async () => {
    const orders = await start(Orders);

    await expect(orders.onlyWithin()).rejects.toThrow(/'orders-only-within' needs a global transaction/u);
  });

  test('keeps its name, its length and the metadata of decorators above and below it', () => {
    const labelled = methodOf(Orders.prototype, 'labelled');

    expect([labelled.name, labelled.length]).toEqual(['labelled', 2]);
    expect(Reflect.getMetadata('label', labelled)).toBe('a label');
    expect(Reflect.getMetadata('inner', labelled)).toBe('below it');
  });

  test('is inherited', async () => {
    @Injectable()
    class MusicOrders extends Orders {
      override async place(sku: string): Promise<string> {
        return super.place(`loud ${sku}`);
      }
    }
    const orders = await start(MusicOrders);

    await expect(orders.place('lamp')).resolves.toBe('ordered loud lamp');
    expect(coordinator.decided).toEqual(['commit place-order']);
  });

  test('works in the hooks of a start', async () => {
    @Injectable()
    class Early implements OnModuleInit {
      constructor(@Inject(Orders) private readonly orders: Orders) {}

      async onModuleInit(): Promise<void> {
        await this.orders.place('lamp');
      }
    }

    await start(Early, Orders);

    expect(coordinator.decided).toEqual(['commit place-order']);
  });

  test.each([
    ['each request', Scope.REQUEST],
    ['each who injects it', Scope.TRANSIENT],
  ])('works on instances that are made for %s', async (_whom, scope) => {
    @Injectable({ scope })
    class Scoped {
      @GlobalTransaction()
      async act(): Promise<string | undefined> {
        return currentTransaction()?.name;
      }
    }
    module = await compileWith(coordinator, { providers: [Scoped] });
    await module.init();

    const instance = await module.resolve(Scoped, ContextIdFactory.create());

    await expect(instance.act()).resolves.toBe('scoped-act');
  });
});

describe('a method with @GlobalTransaction works on what', () => {
  test.each<[string, Scope, () => Orders]>([
    ['makes for each request', Scope.REQUEST, () => new Orders('made ')],
    ['puts a proxy before', Scope.DEFAULT, () => new Proxy(new Orders('made '), {})],
    ['derives from another', Scope.DEFAULT, () => Object.create(new Orders('made ')) as Orders],
  ])('a factory %s', async (_what, scope, useFactory) => {
    module = await compileWith(coordinator, { providers: [{ provide: Orders, scope, useFactory }] });
    await module.init();

    const orders = await module.resolve(Orders);

    await expect(orders.place('lamp')).resolves.toBe('made lamp');
  });

  test('was derived from an instance', async () => {
    const orders = Object.create(await start(Orders)) as Orders;

    await expect(orders.place('lamp')).resolves.toBe('ordered lamp');
  });
});

describe('a method with @GlobalTransaction refuses', () => {
  test('to run on an instance that Nest has not made, and says how to get one', async () => {
    const act = new Orders('').place('lamp');

    await expect(act).rejects.toThrow(MisuseError);
    await expect(new Orders('').place('lamp')).rejects.toThrow(
      /Orders\.place .* not made by Nest .* Get it from Nest: .*providers .*AtoneModule\.forRoot/u,
    );
  });

  test('to run without its instance', async () => {
    const place = methodOf(await start(Orders), 'place');

    await expect(place('lamp')).rejects.toThrow(/Orders\.place .* called without its instance/u);
  });

  test('to run for one of two applications that make its instances for requests', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Shared {
      @GlobalTransaction()
      async act(): Promise<void> {}
    }
    module = await compileWith(coordinator, { providers: [Shared] });
    await module.init();
    const other = await compileWith(new FakeCoordinator(), { providers: [Shared] });
    await other.init();
    const instance = await other.resolve(Shared);

    await expect(instance.act()).rejects.toThrow(/several applications .* default scope/u);
    await other.close();
  });

  test.each<[string, () => unknown, RegExp]>([
    ['static', () => GlobalTransaction()(Orders as never, 'place', {}), /static method Orders\.place/u],
    [
      'no method',
      () => GlobalTransaction()(Orders.prototype, 'x', { value: 1 as never }),
      /Orders\.x, which is no method/u,
    ],
  ])('to decorate what is %s', (_what, decorate, message) => {
    expect(decorate).toThrow(message);
  });

  test('is refused without its parentheses, on a method and on a class', () => {
    const bare = GlobalTransaction as unknown as (...given: unknown[]) => unknown;
    class Bare {
      async place(): Promise<void> {}
    }

    expect(() => bare(Bare.prototype, 'place', {})).toThrow(
      /stands without parentheses.*`@GlobalTransaction\(\)`/u,
    );
    expect(() => bare(Bare)).toThrow(MisuseError);
  });

  test('to decorate a method that returns no promise', () => {
    expect(() => {
      class Silenced {
        // @ts-expect-error -- the method returns no promise
        @GlobalTransaction()
        act(): string {
          return '';
        }
      }
      return Silenced;
    }).toThrow(/Silenced\.act, which is not asynchronous.*`async` method/u);
  });

  test('to return without a promise where nothing has told so before', async () => {
    @Injectable()
    class Silenced {
      // @ts-expect-error -- the method returns no promise
      @GlobalTransaction()
      act(): void {}
    }
    const silenced = await start(Silenced);

    await expect(silenced.act()).rejects.toThrow(/Silenced\.act, which is not asynchronous/u);
  });
});

test('GlobalTransactions runs a function as the whole of a transaction', async () => {
  const orders = await start(Orders);

  const result = await module
    .get(GlobalTransactions)
    .run({ name: 'by-hand', abortOn: (text) => text === '' }, () => orders.place('lamp'));

  expect(result).toBe('ordered lamp');
  expect(coordinator.decided).toEqual(['commit by-hand']);
});

test('what does not fit @GlobalTransaction does not compile', () => {
  // Named here, and proved by the build alone: each @ts-expect-error below fails it where there is no error.
  expect(compileErrors).toBeInstanceOf(Function);
});

function methodOf(
  owner: Orders,
  name: 'labelled' | 'place',
): (this: void, ...args: string[]) => Promise<unknown> {
  return Reflect.get(owner, name) as (this: void, ...args: string[]) => Promise<unknown>;
}

/** Checked by the compiler; never run. */
function compileErrors(): unknown[] {
  class Synchronous {
    // @ts-expect-error -- the method returns no promise
    @GlobalTransaction({ name: 'sync' })
    act(): string {
      return '';
    }
  }
  class OtherResult {
    // @ts-expect-error -- the result is no number
    @GlobalTransaction({ abortOn: (result: number) => result > 0 })
    async act(): Promise<string> {
      return '';
    }
  }
  class NoMethod {
    // @ts-expect-error -- a property leads no transaction
    @GlobalTransaction()
    act = 1;
  }
  class UnknownPropagation {
    // @ts-expect-error -- there is no such propagation
    @GlobalTransaction({ propagation: 'SOMETIMES' })
    async act(): Promise<void> {}
  }
  return [Synchronous, OtherResult, NoMethod, UnknownPropagation];
}
