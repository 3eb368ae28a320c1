import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { action, contract, tryAction, type BranchContext, type Confirm, type Undo } from '@atone/participant';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Action } from '../action.decorator.js';
import { ActionDiscovery } from '../action.discovery.js';
import { actionsOf } from '../action.metadata.js';
import { Try } from './try.decorator.js';

const Hold = z.object({ account: z.string(), cents: z.int() });
const HoldId = z.object({ holdId: z.string() });
type Hold = z.infer<typeof Hold>;
type HoldId = z.infer<typeof HoldId>;

const payments = contract('payments-of-try', {
  hold: tryAction({ input: Hold, output: HoldId }),
  charge: action({ input: Hold, output: HoldId }),
});

@Injectable()
class Payments {
  readonly ends: string[] = [];

  @Try(payments.hold, { confirm: 'capture', cancel: 'release', retry: { attemptCountMax: 3 } })
  async hold(input: Hold, _branch: BranchContext<EntityManager>): Promise<HoldId> {
    return { holdId: `of ${input.account}` };
  }

  async capture({ output }: Confirm<typeof payments.hold, EntityManager>): Promise<void> {
    this.ends.push(`captured ${output.holdId}`);
  }

  async release({ output }: Undo<typeof payments.hold, EntityManager>): Promise<void> {
    this.ends.push(`released ${output?.holdId}`);
  }
}

const END = { gid: 'g', branchId: '1', attempt: 1, lane: undefined, input: {}, transaction: undefined };

describe('@Try', () => {
  test('notes down what the method tries, and what ends it', () => {
    expect(actionsOf(Payments.prototype)).toEqual([
      {
        contract: payments.hold,
        method: 'hold',
        confirm: 'capture',
        compensate: 'release',
        retry: { attemptCountMax: 3 },
      },
    ]);
  });

  test('has the participant call all three methods on the instance', async () => {
    const module = await Test.createTestingModule({
      imports: [DiscoveryModule],
      providers: [ActionDiscovery, Payments],
    }).compile();

    const [hold] = module.get(ActionDiscovery).find('payments-of-try');
    await hold?.confirm?.({ ...END, output: { holdId: 'h1' } });
    await hold?.compensate?.({ ...END, reason: 'no room', output: { holdId: 'h2' } });

    expect(hold).toMatchObject({ contract: payments.hold, retry: { attemptCountMax: 3 } });
    expect(module.get(Payments).ends).toEqual(['captured h1', 'released h2']);
  });

  test('stops the start where the instance lacks its confirm', async () => {
    const fake = { hold: async () => ({ holdId: '' }), release: async () => undefined };
    const module = await Test.createTestingModule({
      imports: [DiscoveryModule],
      providers: [ActionDiscovery, { provide: Payments, useValue: fake }],
    }).compile();

    expect(() => module.get(ActionDiscovery).find('payments-of-try')).toThrow(
      /Payments\.hold .* names 'capture' as its confirm, but the instance has no method of that name/u,
    );
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'a try without a confirm',
      () => decorate(payments.hold, { cancel: 'release' }),
      /Payments\.hold does not say what its confirm is.*\{ confirm: 'capture', cancel: 'release' \}/u,
    ],
    [
      'a try without a cancel',
      () => decorate(payments.hold, { confirm: 'capture' }),
      /does not say what its cancel is/u,
    ],
    [
      'an action that takes effect at once',
      () => decorate(payments.charge, { confirm: 'capture', cancel: 'release' }),
      /payments-of-try\.charge, which takes effect at once\..*`tryAction\(/u,
    ],
    ['a contract that an import cycle left undefined', () => decorate(undefined, {}), /names no action/u],
    [
      'a static method',
      () => Try(payments.hold, { confirm: 'a', cancel: 'b' })(Payments as never, 'hold', {}),
      /static method Payments\.hold/u,
    ],
  ])('refuses %s', (_what, decorating, message) => {
    expect(decorating).toThrow(message);
  });

  test('leaves to @Action what is no try', () => {
    expect(() =>
      Action(payments.hold as never, { compensate: 'release' })(Payments.prototype as never, 'hold', {}),
    ).toThrow(/payments-of-try\.hold, which is a try\. Use @Try/u);
  });

  test('does not compile where it does not fit', () => {
    // Named here, and proved by the build alone: each @ts-expect-error below fails it where there is no error.
    expect(compileErrors).toBeInstanceOf(Function);
  });
});

function decorate(tried: unknown, options: object): unknown {
  return Try(tried as typeof payments.hold, options as never)(Payments.prototype as never, 'hold', {});
}

/** Checked by the compiler; never run. */
function compileErrors(): unknown[] {
  class Misspelt {
    // @ts-expect-error -- there is no method 'captrue'
    @Try(payments.hold, { confirm: 'captrue', cancel: 'release' })
    async hold(): Promise<HoldId> {
      return { holdId: '' };
    }

    async capture(): Promise<void> {}

    async release(): Promise<void> {}
  }
  class NoConfirm {
    // @ts-expect-error -- the confirm is not named
    @Try(payments.hold, { cancel: 'release' })
    async hold(): Promise<HoldId> {
      return { holdId: '' };
    }

    async release(): Promise<void> {}
  }
  class ConfirmsAnother {
    // @ts-expect-error -- 'capture' is given another output
    @Try(payments.hold, { confirm: 'capture', cancel: 'release' })
    async hold(): Promise<HoldId> {
      return { holdId: '' };
    }

    async capture(_end: { readonly output: { readonly id: number } }): Promise<void> {}

    async release(): Promise<void> {}
  }
  class TrustsItsOutput {
    // @ts-expect-error -- a cancel does not know whether there is an output
    @Try(payments.hold, { confirm: 'capture', cancel: 'release' })
    async hold(): Promise<HoldId> {
      return { holdId: '' };
    }

    async capture(): Promise<void> {}

    async release(_undo: Confirm<typeof payments.hold>): Promise<void> {}
  }
  class EndsAtOnce {
    // @ts-expect-error -- 'capture' returns no promise
    @Try(payments.hold, { confirm: 'capture', cancel: 'release' })
    async hold(): Promise<HoldId> {
      return { holdId: '' };
    }

    capture(): void {}

    async release(): Promise<void> {}
  }
  class Synchronous {
    // @ts-expect-error -- the try returns no promise
    @Try(payments.hold, { confirm: 'capture', cancel: 'release' })
    hold(): HoldId {
      return { holdId: '' };
    }

    async capture(): Promise<void> {}

    async release(): Promise<void> {}
  }
  class NoTry {
    // @ts-expect-error -- 'charge' takes effect at once
    @Try(payments.charge, { confirm: 'capture', cancel: 'release' })
    async hold(): Promise<HoldId> {
      return { holdId: '' };
    }

    async capture(): Promise<void> {}

    async release(): Promise<void> {}
  }
  class NoAction {
    // @ts-expect-error -- 'hold' is a try
    @Action(payments.hold, { compensate: 'release' })
    async hold(): Promise<HoldId> {
      return { holdId: '' };
    }

    async release(): Promise<void> {}
  }
  return [Misspelt, NoConfirm, ConfirmsAnother, TrustsItsOutput, EndsAtOnce, Synchronous, NoTry, NoAction];
}
