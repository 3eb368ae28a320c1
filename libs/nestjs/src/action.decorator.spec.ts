import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { action, contract, type BranchContext, type Undo } from '@atone/participant';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Action } from './action.decorator.js';
import { actionsOf } from './action.metadata.js';

const Charge = z.object({ account: z.string(), cents: z.int() });
const Receipt = z.object({ receiptId: z.string() });
type Charge = z.infer<typeof Charge>;
type Receipt = z.infer<typeof Receipt>;

const payments = contract('payments', {
  charge: action({ input: Charge, output: Receipt }),
  ship: action({ input: z.object({ address: z.string() }), output: z.void() }),
});

class Payments {
  @Action(payments.charge, { compensate: 'refund', retry: { attemptCountMax: 3 } })
  async charge(_input: Charge, _branch: BranchContext<EntityManager>): Promise<Receipt> {
    return { receiptId: 'r1' };
  }

  async refund(_undo: Undo<typeof payments.charge, EntityManager>): Promise<void> {}

  @Action(payments.ship, { compensate: 'none' })
  async ship(): Promise<void> {}
}

/** What many decorators do: put a function of their own in the place of the method. */
function wrap(_target: object, _key: string, descriptor: PropertyDescriptor): PropertyDescriptor {
  return { ...descriptor, value: async () => ({ receiptId: 'wrapped' }) };
}

describe('@Action', () => {
  test('notes down what the method carries out and what undoes it', () => {
    expect(actionsOf(Payments.prototype)).toEqual([
      { contract: payments.charge, method: 'charge', compensate: 'refund', retry: { attemptCountMax: 3 } },
      { contract: payments.ship, method: 'ship', compensate: undefined, retry: undefined },
    ]);
  });

  test('is inherited, and an override stands for what it overrides', () => {
    class Heir extends Payments {
      @Action(payments.charge, { compensate: 'none' })
      override async charge(): Promise<Receipt> {
        return { receiptId: 'r2' };
      }
    }

    expect(actionsOf(Heir.prototype)).toMatchObject([
      { method: 'charge', compensate: undefined },
      { method: 'ship' },
    ]);
    expect(actionsOf(Payments.prototype)).toHaveLength(2);
  });

  test('outlives a decorator that puts another function in the place of the method', () => {
    class Wrapped {
      @wrap
      @Action(payments.charge, { compensate: 'none' })
      async charge(): Promise<Receipt> {
        return { receiptId: 'plain' };
      }
    }

    expect(actionsOf(Wrapped.prototype)).toMatchObject([{ method: 'charge' }]);
  });

  test('refuses an action that does not say how it is undone', () => {
    expect(() => Action(payments.charge, {} as never)(Payments.prototype as never, 'charge', {})).toThrow(
      /Payments\.charge does not say how .* \{ compensate: 'none' \}/u,
    );
  });

  test('refuses a contract that an import cycle left undefined', () => {
    expect(() =>
      Action(undefined as never, { compensate: 'none' })(Payments.prototype as never, 'charge', {}),
    ).toThrow(/Payments\.charge names no action/u);
  });

  test('refuses a static method', () => {
    expect(() => Action(payments.charge, { compensate: 'none' })(Payments as never, 'charge', {})).toThrow(
      /static method Payments\.charge/u,
    );
  });

  test('does not compile where it does not fit', () => {
    // Named here, and proved by the build alone: each @ts-expect-error below fails it where there is no error.
    expect(compileErrors).toBeInstanceOf(Function);
  });
});

/** Checked by the compiler; never run. */
function compileErrors(): unknown[] {
  class Misspelt {
    // @ts-expect-error -- there is no method 'refnud'
    @Action(payments.charge, { compensate: 'refnud' })
    async charge(): Promise<Receipt> {
      return { receiptId: '' };
    }

    async refund(): Promise<void> {}
  }
  class UndoesAnother {
    // @ts-expect-error -- 'unship' undoes another action
    @Action(payments.charge, { compensate: 'unship' })
    async charge(): Promise<Receipt> {
      return { receiptId: '' };
    }

    async unship(_undo: Undo<typeof payments.ship>): Promise<void> {}
  }
  class UndoesAtOnce {
    // @ts-expect-error -- 'refund' returns no promise
    @Action(payments.charge, { compensate: 'refund' })
    async charge(): Promise<Receipt> {
      return { receiptId: '' };
    }

    refund(_undo: Undo<typeof payments.charge>): void {}
  }
  class NoMethod {
    // @ts-expect-error -- 'refund' is no method
    @Action(payments.charge, { compensate: 'refund' })
    async charge(): Promise<Receipt> {
      return { receiptId: '' };
    }

    refund = 1;
  }
  class Synchronous {
    // @ts-expect-error -- the method returns no promise
    @Action(payments.charge, { compensate: 'none' })
    charge(): Receipt {
      return { receiptId: '' };
    }
  }
  class OtherInput {
    // @ts-expect-error -- the input has no 'euros'
    @Action(payments.charge, { compensate: 'none' })
    async charge(_input: { euros: number }): Promise<Receipt> {
      return { receiptId: '' };
    }
  }
  class OtherOutput {
    // @ts-expect-error -- a receipt has an id
    @Action(payments.charge, { compensate: 'none' })
    async charge(): Promise<{ id: string }> {
      return { id: '' };
    }
  }
  class NotSaid {
    // @ts-expect-error -- the compensation is not named
    @Action(payments.charge, {})
    async charge(): Promise<Receipt> {
      return { receiptId: '' };
    }
  }
  return [Misspelt, UndoesAnother, UndoesAtOnce, NoMethod, Synchronous, OtherInput, OtherOutput, NotSaid];
}
