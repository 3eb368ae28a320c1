import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { Injectable, Module, Scope, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { action, contract } from '@atone/participant';
import { z } from 'zod';
import { Action } from './action.decorator.js';
import { ActionDiscovery } from './action.discovery.js';

const text = { input: z.string(), output: z.string() };
const BRANCH = {
  gid: 'g',
  branchId: 'b',
  attempt: 1,
  deadline: undefined,
  lane: undefined,
  transaction: undefined,
};

/** A contract and a service of its own for each test: what one test decorates, no other is asked for. */
function serviceOf(name: string) {
  return contract(name, { act: action(text), other: action(text) });
}

async function discoveryIn(...providers: Provider[]): Promise<ActionDiscovery> {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [ActionDiscovery, ...providers],
  }).compile();
  return module.get(ActionDiscovery);
}

describe('the discovery', () => {
  const calls = serviceOf('calls');

  @Injectable()
  class Calls {
    readonly prefix = 'did ';

    @Action(calls.act, { compensate: 'unact', retry: { attemptCountMax: 2 } })
    async act(input: string): Promise<string> {
      return this.prefix + input;
    }

    async unact(): Promise<void> {
      throw new Error(`${this.prefix}undo`);
    }

    @Action(calls.other, { compensate: 'none' })
    async other(): Promise<string> {
      return '';
    }
  }

  test('finds the actions of providers, and calls them on the instance', async () => {
    const [act, other] = (await discoveryIn(Calls)).find('calls');

    expect(act).toMatchObject({ contract: calls.act, retry: { attemptCountMax: 2 } });
    expect(other?.compensate).toBeUndefined();
    await expect(act?.run('it', BRANCH)).resolves.toBe('did it');
    await expect(act?.compensate?.({} as never)).rejects.toThrow('did undo');
  });

  test('calls what a proxy has put on the instance', async () => {
    const discovery = await discoveryIn({
      provide: Calls,
      useFactory: () => Object.assign(new Calls(), { act: async () => 'proxied' }),
    });

    await expect(discovery.find('calls')[0]?.run('it', BRANCH)).resolves.toBe('proxied');
  });

  test('counts a provider with an alias once', async () => {
    const discovery = await discoveryIn(Calls, { provide: 'alias', useExisting: Calls });

    expect(discovery.find('calls')).toHaveLength(2);
  });

  test('takes the value by which a test overrides the class', async () => {
    const fake = { act: async () => 'fake', unact: async () => undefined, other: async () => '' };
    const discovery = await discoveryIn({ provide: Calls, useValue: fake });

    await expect(discovery.find('calls')[0]?.run('it', BRANCH)).resolves.toBe('fake');
  });

  test('is content with a service without actions', async () => {
    expect((await discoveryIn()).find('nobody')).toEqual([]);
  });
});

describe('the discovery refuses', () => {
  test('a handler of another service, and says whose it is', async () => {
    const foreign = serviceOf('foreign');
    @Injectable()
    class Foreign {
      @Action(foreign.act, { compensate: 'none' })
      async act(): Promise<string> {
        return '';
      }
    }

    const discovery = await discoveryIn(Foreign);

    expect(() => discovery.find('ours')).toThrow(
      /Foreign\.act .* carries out foreign\.act, .* service 'ours'/u,
    );
  });

  test('two handlers of one action', async () => {
    const rivals = serviceOf('rivals');
    @Injectable()
    class First {
      @Action(rivals.act, { compensate: 'none' })
      async act(): Promise<string> {
        return '';
      }
    }
    @Injectable()
    class Second {
      @Action(rivals.act, { compensate: 'none' })
      async alsoAct(): Promise<string> {
        return '';
      }
    }

    const discovery = await discoveryIn(First, Second);

    expect(() => discovery.find('rivals')).toThrow(
      /Two handlers carry out rivals\.act: First\.act .* Second\.alsoAct/u,
    );
  });

  test('one class that two modules provide', async () => {
    const twice = serviceOf('twice');
    @Injectable()
    class Twice {
      @Action(twice.act, { compensate: 'none' })
      async act(): Promise<string> {
        return '';
      }
    }
    @Module({ providers: [Twice] })
    class Left {}
    @Module({ providers: [Twice] })
    class Right {}
    const module = await Test.createTestingModule({
      imports: [DiscoveryModule, Left, Right],
      providers: [ActionDiscovery],
    }).compile();

    expect(() => module.get(ActionDiscovery).find('twice')).toThrow(/of Left, and .* of Right\. Keep one\./u);
  });

  test('a class that no module provides', async () => {
    const lost = serviceOf('lost');
    class Lost {
      @Action(lost.act, { compensate: 'none' })
      async act(): Promise<string> {
        return '';
      }
    }

    const discovery = await discoveryIn();

    expect(() => discovery.find('lost')).toThrow(/Lost\.act .* Nest does not know the class\. .*providers/u);
    expect(Lost).toBeDefined();
  });

  test.each([
    ['scoped to requests', Scope.REQUEST],
    ['transient', Scope.TRANSIENT],
  ])('a class that is %s', async (why, scope) => {
    const scoped = serviceOf('scoped');
    @Injectable({ scope })
    class Scoped {
      @Action(scoped.act, { compensate: 'none' })
      async act(): Promise<string> {
        return '';
      }
    }

    const discovery = await discoveryIn(Scoped);

    expect(() => discovery.find('scoped')).toThrow(
      new RegExp(`Scoped carries out actions and is ${why}`, 'u'),
    );
  });

  test('a compensation that the instance lacks', async () => {
    const halved = serviceOf('halved');
    @Injectable()
    class Halved {
      @Action(halved.act, { compensate: 'unact' })
      async act(): Promise<string> {
        return '';
      }

      async unact(): Promise<void> {}
    }

    const discovery = await discoveryIn({ provide: Halved, useValue: { act: async () => '' } });

    expect(() => discovery.find('halved')).toThrow(/Halved\.act .* names 'unact' as its compensation, but/u);
  });
});
