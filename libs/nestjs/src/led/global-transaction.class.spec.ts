import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { action, contract, currentTransaction, tryAction } from '@atone/participant';
import { z } from 'zod';
import { Action } from '../action.decorator.js';
import { compileWith, FakeCoordinator, readyDatabase } from '../testing/led.fixture.js';
import { GlobalTransaction } from './global-transaction.decorator.js';
import { Try } from './try.decorator.js';

describe('a class with @GlobalTransaction', () => {
  const batches = contract('batches', {
    act: action({ input: z.null(), output: z.string().nullable() }),
    hold: tryAction({ input: z.null(), output: z.string().nullable() }),
  });

  @GlobalTransaction({ timeout: '5s' })
  @Injectable()
  class Batches implements OnModuleInit {
    nameAtStart: string | undefined = 'none yet';

    async onModuleInit(): Promise<void> {
      this.nameAtStart = nameNow();
    }

    async importAll(): Promise<string | undefined> {
      return nameNow();
    }

    @GlobalTransaction({ name: 'one-of-them' })
    async importOne(): Promise<string | undefined> {
      return nameNow();
    }

    importNothing(): string | undefined {
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

  test('leads by the methods that are called by others than Nest and the coordinator', async () => {
    const module = await compileWith(new FakeCoordinator(), {
      providers: [Batches],
      options: { service: 'batches', listen: { port: 0 }, database: readyDatabase },
    });
    await module.init();
    const instance = module.get(Batches);

    const leading = [await instance.importAll(), await instance.importOne()];
    const others = [instance.importNothing(), await instance.undo(), await instance.capture()];
    const actions = [await instance.act(), await instance.hold()];

    expect(leading).toEqual(['batches-import-all', 'one-of-them']);
    expect([...others, instance.nameAtStart]).toEqual([undefined, undefined, undefined, undefined]);
    expect(actions).toEqual([null, null]);
    await module.close();
  });

  test('needs such a method', () => {
    expect(() => {
      @GlobalTransaction()
      class Empty {
        act(): void {}
      }
      return Empty;
    }).toThrow(/class Empty, which declares no `async` method/u);
  });
});

function nameNow(): string | undefined {
  return currentTransaction()?.name;
}
