import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract, tryAction, type BranchContext, type Confirm, type Undo } from './contract.js';
import { handlerOf } from './typed.handler.js';

const cars = contract('cars', {
  hold: tryAction({
    input: z.object({ city: z.string() }),
    output: z.object({ cents: z.int(), colour: z.string().default('red') }),
  }),
  wash: action({ input: z.object({ plate: z.string() }), output: z.null() }),
});

interface Db {
  readonly lines: string[];
}

const db: Db = { lines: [] };
const run = async (): Promise<null> => null;
const end = async (): Promise<void> => undefined;
const branch = { transaction: db } as unknown as BranchContext<Db>;

test('a try is run with the payload of its contract, and ended by its confirm or its cancel', async () => {
  const handler = handlerOf(cars.hold, {
    run: async ({ city }, { transaction }: BranchContext<Db>) => {
      transaction.lines.push(`hold in ${city}`);
      return { cents: 5 };
    },
    confirm: async ({ input, output, transaction }) =>
      transaction.lines.push(`confirm ${input.city} ${output.colour}`),
    cancel: async ({ input, transaction }) => transaction.lines.push(`cancel ${input.city}`),
  });

  const answer = await handler.run({ city: 'Riga' }, branch);
  const given = { input: { city: 'Riga' }, output: { cents: 5, colour: 'red' }, transaction: db };
  const ended = [
    await handler.confirm?.(given as unknown as Confirm<typeof cars.hold, Db>),
    await handler.compensate?.(given as unknown as Undo<typeof cars.hold, Db>),
  ];

  expect({ answer, ended, contract: handler.contract }).toEqual({
    answer: { cents: 5 },
    ended: [undefined, undefined],
    contract: cars.hold,
  });
  expect(db.lines).toEqual(['hold in Riga', 'confirm Riga red', 'cancel Riga']);
});

test('an action says how it is undone, or that nothing can', () => {
  const undoable = handlerOf(cars.wash, { run, compensate: async () => undefined });
  const final = handlerOf(cars.wash, { run, compensate: 'none', retry: { attemptCountMax: 3 } });

  expect(undoable).toMatchObject({ compensate: expect.any(Function), confirm: undefined });
  expect(final).toMatchObject({ compensate: undefined, retry: { attemptCountMax: 3 } });
});

test('what does not fit the contract does not compile', () => {
  const wrong = [
    // @ts-expect-error -- a try has a cancel
    () => handlerOf(cars.hold, { run: async () => ({ cents: 1 }), confirm: end }),
    // @ts-expect-error -- an action has no confirm
    () => handlerOf(cars.wash, { run: async () => null, confirm: end, cancel: end }),
    // @ts-expect-error -- it answers with cents
    () => handlerOf(cars.hold, { run: async () => ({ price: 1 }), confirm: end, cancel: end }),
    () =>
      handlerOf(cars.wash, {
        // @ts-expect-error -- it is given a plate
        run: async ({ city }) => (city === '' ? null : null),
        compensate: 'none',
      }),
  ];

  expect(wrong.map((make) => typeof make())).toEqual(['object', 'object', 'object', 'object']);
});
