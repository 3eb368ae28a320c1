import 'reflect-metadata';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import {
  action,
  contract,
  currentTransaction,
  MisuseError,
  tryAction,
  type Propagation,
} from '@atone/participant';
import { z } from 'zod';
import { Action } from '../action.decorator.js';
import { compileWith, FakeCoordinator, readyDatabase } from '../testing/led.fixture.js';
import { GlobalTransaction } from './global-transaction.decorator.js';
import { GlobalTransactions } from './global-transactions.service.js';
import { isTransactional } from './transactional.metadata.js';
import { Try } from './try.decorator.js';

const NAMELESS = Symbol('nameless');

let module: TestingModule | undefined;

afterEach(() => module?.close());

describe('a class with @GlobalTransaction', () => {
  const batches = contract('batches', {
    act: action({ input: z.null(), output: z.string().nullable() }),
    hold: tryAction({ input: z.null(), output: z.string().nullable() }),
  });

  class Inherited {
    async importOld(): Promise<string | undefined> {
      return nameNow();
    }
  }

  @GlobalTransaction({ timeout: '5s' })
  @Injectable()
  class Batches extends Inherited implements OnModuleInit, OnModuleDestroy {
    nameAtStart: string | undefined = 'none yet';

    async onModuleInit(): Promise<void> {
      this.nameAtStart = nameNow();
    }

    async importAll(): Promise<string | undefined> {
      return nameNow();
    }

    /** Not even a promise, and still no compile error: Nest calls it. */
    onModuleDestroy(): void {}

    @GlobalTransaction({ name: 'one-of-them' })
    async importOne(): Promise<string | undefined> {
      return nameNow();
    }

    get nameHere(): string | undefined {
      return nameNow();
    }

    async [NAMELESS](): Promise<string | undefined> {
      return nameNow();
    }

    static async importElsewhere(): Promise<string | undefined> {
      return nameNow();
    }

    @Action(batches.act, { compensate: 'undo' })
    async act(): Promise<string | null> {
      return nameNow() ?? null;
    }

    async undo(): Promise<string | undefined> {
      return nameNow();
    }

    @Try(batches.hold, { confirm: 'capture', cancel: 'undo' })
    async hold(): Promise<string | null> {
      return nameNow() ?? null;
    }

    async capture(): Promise<string | undefined> {
      return nameNow();
    }
  }

  test('leads by its own methods that have a name and are called by others than Nest and the coordinator', async () => {
    module = await compileWith(new FakeCoordinator(), {
      providers: [Batches],
      options: { service: 'batches', listen: { port: 0 }, database: readyDatabase },
    });
    await module.init();
    const instance = module.get(Batches);

    const leading = [await instance.importAll(), await instance.importOne()];
    const ofOthers = [await instance.undo(), await instance.capture(), instance.nameAtStart];
    const notCovered = [
      instance.nameHere,
      await instance[NAMELESS](),
      await instance.importOld(),
      await Batches.importElsewhere(),
    ];
    const actions = [await instance.act(), await instance.hold()];

    expect(leading).toEqual(['batches-import-all', 'one-of-them']);
    expect(ofOthers).toEqual([undefined, undefined, undefined]);
    expect(notCovered).toEqual([undefined, undefined, undefined, undefined]);
    expect(actions).toEqual([null, null]);
  });

  test('needs such a method', () => {
    expect(() => {
      @GlobalTransaction()
      class Empty {
        private act(): void {}
      }
      return Empty;
    }).toThrow(/class Empty, which declares no `async` method .*Write `async` .*`target` to ES2017/u);
  });

  test('needs the compiler to leave the word `async` in place', () => {
    expect(() => {
      @GlobalTransaction()
      class Downlevelled {
        act(): Promise<void> {
          return Promise.resolve();
        }
      }
      return Downlevelled;
    }).toThrow(/class Downlevelled, .*the compiler has removed the word: set its `target` to ES2017/u);
  });

  test('may have them all decorated one by one', () => {
    @GlobalTransaction()
    class Decorated {
      @GlobalTransaction({ name: 'by-itself' })
      async act(): Promise<void> {}
    }

    expect(isTransactional(Decorated.prototype)).toBe(true);
  });

  test('refuses options that cannot work', () => {
    expect(() => {
      @GlobalTransaction({ timeout: '30 s' as never })
      class Misspelt {
        async act(): Promise<void> {}
      }
      return Misspelt;
    }).toThrow(/on the class Misspelt cannot work: `timeout` is '30 s'/u);
  });
});

describe('a method without the word `async`, in a class with @GlobalTransaction,', () => {
  @GlobalTransaction()
  @Injectable()
  class Stores {
    async open(): Promise<(string | undefined)[]> {
      return [await this.load(), this.count()];
    }

    load(): Promise<string | undefined> {
      return Promise.resolve(nameNow());
    }

    failing(): Promise<void> {
      return Promise.reject(new Error('of its work'));
    }

    protected countNow(): string | undefined {
      return this.count();
    }

    private count(): string | undefined {
      return nameNow();
    }
  }

  test('is refused when it returns a promise outside of a transaction, and told by its name', async () => {
    const stores = await startStores(Stores);

    await expect(stores.load()).rejects.toThrow(MisuseError);
    await expect(stores.failing()).rejects.toThrow(
      /Stores\.failing returned a promise, and is not declared `async`.*Write `async` before it, or put @GlobalTransaction on the method/u,
    );
  });

  test('is a part of the transaction of the method that calls it', async () => {
    const stores = await startStores(Stores);

    expect(await stores.open()).toEqual(['stores-open', 'stores-open']);
  });

  test('may return anything else than a promise', async () => {
    const stores = await startStores(Stores);

    expect(Reflect.apply(methodNamed(stores, 'countNow'), stores, [])).toBeUndefined();
  });

  test.each<[Propagation, string, string]>([
    ['REQUIRED', 'refused', 'returned'],
    ['MANDATORY', 'refused', 'returned'],
    ['REQUIRES_NEW', 'refused', 'refused'],
    ['NESTED', 'refused', 'refused'],
    ['SUPPORTS', 'returned', 'returned'],
    ['NOT_SUPPORTED', 'returned', 'refused'],
    ['NEVER', 'returned', 'refused'],
  ])('with %s is %s outside of a transaction, and %s inside', async (propagation, outside, inside) => {
    @GlobalTransaction({ propagation })
    @Injectable()
    class Shelves {
      async open(): Promise<void> {}

      load(): Promise<string> {
        return Promise.resolve('returned');
      }
    }
    const shelves = await startStores(Shelves);
    const load = (): Promise<string> => shelves.load().catch(() => 'refused');

    const answers = [
      await load(),
      await module?.get(GlobalTransactions).run({ name: 'around' }, () => load()),
    ];

    expect(answers).toEqual([outside, inside]);
  });
});

test('a class with public methods that are not asynchronous does not compile', () => {
  // Named here, and proved by the build alone: each @ts-expect-error below fails it where there is no error.
  expect(compileErrors).toBeInstanceOf(Function);
});

async function startStores<Instance>(type: new () => Instance): Promise<Instance> {
  module = await compileWith(new FakeCoordinator(), { providers: [type] });
  await module.init();
  return module.get(type);
}

function methodNamed(owner: object, name: string): (this: void) => unknown {
  return Reflect.get(owner, name) as (this: void) => unknown;
}

function nameNow(): string | undefined {
  return currentTransaction()?.name;
}

/** Checked by the compiler; never run. */
function compileErrors(): unknown[] {
  // @ts-expect-error -- 'act' is public, and returns no promise
  @GlobalTransaction()
  class Synchronous {
    async lead(): Promise<void> {}

    act(): string {
      return '';
    }
  }
  // @ts-expect-error -- 'list' is public, and nobody could wait for the end of its transaction
  @GlobalTransaction()
  class Generating {
    async *list(): AsyncGenerator<string> {}
  }
  // @ts-expect-error -- the result of 'act' is no number
  @GlobalTransaction({ abortOn: (result: number) => result > 0 })
  class OtherResult {
    async act(): Promise<string> {
      return '';
    }
  }
  @GlobalTransaction({ abortOn: (isDone: boolean) => !isDone })
  class Fitting implements OnModuleInit {
    readonly label = 'not a method';

    constructor(readonly rates: { current(): number }) {}

    onModuleInit(): void {}

    async lead(): Promise<boolean> {
      return this.helper() + this.inherited() > 0;
    }

    protected inherited(): number {
      return 0;
    }

    private helper(): number {
      return this.rates.current();
    }
  }
  return [Synchronous, Generating, OtherResult, Fitting];
}
