import { describe, expect, test } from '@jest/globals';
import { submissionSchema } from '@atone/protocol';
import { z } from 'zod';
import { action, contract, tryAction } from './contract.js';
import { InvalidSagaError } from './saga-builder.errors.js';
import { saga } from './saga-builder.js';

const Order = z.object({
  sku: z.string(),
  quantity: z.int(),
  account: z.string(),
  note: z.string().optional(),
  gift: z.boolean().default(false),
  address: z.object({ street: z.string() }).optional(),
  lines: z.array(z.object({ sku: z.string() })).default([]),
});

const stock = contract('stock', {
  reserve: action({
    input: z.object({ sku: z.string(), quantity: z.int(), note: z.string().optional() }),
    output: z.object({
      total: z.int(),
      shelf: z.string().optional(),
      place: z.object({ row: z.int() }).nullable(),
    }),
  }),
});
const payments = contract('payments', {
  charge: action({
    input: z.object({ account: z.string(), cents: z.int(), memo: z.string().optional() }),
    output: z.object({ receiptId: z.string() }),
  }),
});
const mail = contract('mail', {
  send: action({
    input: z.object({
      to: z.string(),
      lines: z.array(z.string()).optional(),
      order: z.object({ sku: z.string() }).optional(),
      meta: z.record(z.string(), z.json()).optional(),
    }),
    output: z.object({}),
  }),
});

const order = { sku: 'lp-1', quantity: 2, account: 'ada' };
const reserved = saga('place-order', Order).step('stock', stock.reserve, (o) => ({
  sku: o.sku,
  quantity: o.quantity,
}));

describe('a saga', () => {
  test('compiles to the JSON that the coordinator takes', () => {
    const placeOrder = saga('place-order', Order, {
      timeout: '30s',
      tags: (o) => ({ sku: o.sku }),
      lane: 'blue',
    })
      .step('stock', stock.reserve, (o) => ({ sku: o.sku, quantity: o.quantity }))
      .step('charge', payments.charge, (o, s) => ({ account: o.account, cents: s.stock.total }), {
        pivot: true,
      })
      .step('mail', mail.send, (o) => ({ to: o.account, lines: ['thank you', o.sku], order: o }), {
        after: ['charge'],
        onRefusal: 'retry',
        retry: { attemptCountMax: 3 },
      });

    const plan = placeOrder.plan(order);

    expect(submissionSchema.parse(plan)).toEqual({
      name: 'place-order',
      input: { ...order, gift: false, lines: [] },
      timeoutMs: 30_000,
      tags: { sku: 'lp-1' },
      lane: 'blue',
      steps: [
        {
          name: 'stock',
          service: 'stock',
          action: 'reserve',
          input: {
            sku: { $from: '$input', pointer: '/sku' },
            quantity: { $from: '$input', pointer: '/quantity' },
          },
        },
        {
          name: 'charge',
          service: 'payments',
          action: 'charge',
          input: {
            account: { $from: '$input', pointer: '/account' },
            cents: { $from: 'stock', pointer: '/total' },
          },
          pivot: true,
        },
        {
          name: 'mail',
          service: 'mail',
          action: 'send',
          input: {
            to: { $from: '$input', pointer: '/account' },
            lines: ['thank you', { $from: '$input', pointer: '/sku' }],
            order: { $from: '$input', pointer: '' },
          },
          after: ['charge'],
          onRefusal: 'retry',
          retry: { attemptCountMax: 3 },
        },
      ],
    });
  });

  test('starts a step at once that comes after nothing', () => {
    const { steps } = reserved
      .step('charge', payments.charge, (o) => ({ account: o.account, cents: 5 }), { after: [] })
      .plan(order);

    expect(steps[1]?.after).toEqual([]);
  });

  test('keeps a literal that looks like a reference', () => {
    const { steps } = saga('s', Order)
      .step('mail', mail.send, () => ({ to: 'x', meta: { a: { $from: 'b' }, c: { $literal: 1 } } }))
      .plan(order);

    expect(steps[0]?.input).toEqual({
      to: 'x',
      meta: { a: { $literal: { $from: 'b' } }, c: { $literal: { $literal: 1 } } },
    });
  });

  test('leaves out what its input lacks', () => {
    const noted = saga('s', Order).step('stock', stock.reserve, (o) => ({
      sku: o.sku,
      quantity: 1,
      note: o.note,
    }));

    expect(noted.plan(order).steps[0]?.input).not.toHaveProperty('note');
    expect(noted.plan({ ...order, note: 'soon' }).steps[0]?.input).toHaveProperty('note');
  });

  test('sends nothing to an action that takes nothing', () => {
    const clock = contract('clock', { tick: action({ input: z.void(), output: z.void() }) });
    const ticking = saga('s', Order).step('tick', clock.tick, () => undefined);

    expect(ticking.plan(order).steps[0]).toEqual({ name: 'tick', service: 'clock', action: 'tick' });
  });

  test('escapes a name in a pointer', () => {
    const odd = saga('s', z.object({ 'a/b~c': z.string() })).step('mail', mail.send, (o) => ({
      to: o['a/b~c'],
    }));

    expect(odd.plan({ 'a/b~c': 'x' }).steps[0]?.input).toEqual({
      to: { $from: '$input', pointer: '/a~1b~0c' },
    });
  });
});

describe('an input that does not fit', () => {
  test('is refused naming its fields', () => {
    expect(() => reserved.plan({ ...order, quantity: 1.5, sku: 7 as never })).toThrow(
      /saga 'place-order', so nothing was sent: .*\/sku: .*\/quantity: /u,
    );
  });

  test('is refused where JSON cannot hold what the schema makes of it', () => {
    const dated = saga('s', z.object({ at: z.coerce.date() })).step('mail', mail.send, () => ({ to: 'x' }));

    expect(() => dated.plan({ at: '2026-01-01' })).toThrow(/\/at: is a Date after its schema/u);
  });

  test('is refused where a list needs what is missing', () => {
    const listed = saga('s', Order).step('mail', mail.send, (o) => ({ to: 'x', lines: [o.note as never] }));

    expect(() => listed.plan(order)).toThrow(/\/note: is missing, and a list in the input of step 'mail'/u);
  });
});

describe('a mapping that calculates', () => {
  // Typed as its author's mistake would be: by somebody who has silenced the types.
  type Loose = Record<string, never> & { a: number; list: string[] };
  const cases: [string, (o: Loose) => unknown][] = [
    ['adds', (o) => o.a + 1],
    ['builds a string', (o) => `order ${o.a}`],
    ['concatenates', (o) => 'a'.concat(o.a as never)],
    ['compares', (o) => o.a > 1],
    ['makes JSON', (o) => JSON.stringify(o)],
    ['makes JSON of a part', (o) => JSON.stringify({ a: o.a })],
    ['spreads an object', (o) => ({ ...o })],
    ['spreads a list', (o) => [...o.list]],
    ['calls a method of a list', (o) => o.list.map((item) => item)],
    ['calls a method of a string', (o) => o.list[0]?.toUpperCase()],
    ['asks for a member', (o) => 'a' in o],
    ['lists keys', (o) => Object.keys(o)],
    ['loops over keys', (o) => Object.entries(o)],
    ['loops over items', (o) => Array.from(o.list)],
    ['calls toString', (o) => o.a.toString()],
    ['calls valueOf', (o) => o.a.valueOf()],
    ['makes a number', (o) => Math.round(o.a)],
    ['calculates with it', (o) => Math.max(o.a, 1)],
    ['asks for its class', (o) => (o as object) instanceof Date],
    ['changes it', (o) => Object.assign(o, { a: 1 })],
    ['deletes from it', (o) => Reflect.deleteProperty(o, 'a')],
    ['uses it as a key', (o) => ({ [o.a]: 1 })],
  ];

  test.each(cases)('is refused when it %s', (_what, mapping) => {
    const build = () => saga('place-order', z.any()).step('mail', mail.send, mapping as never);

    expect(build).toThrow(InvalidSagaError);
    expect(build).toThrow(/saga 'place-order' .* step 'mail', it .*let the participant calculate/u);
  });

  test('a try is refused, by the compiler and at once: no plan would ever confirm it', () => {
    const hotel = contract('hotel', { hold: tryAction({ input: z.object({}), output: z.object({}) }) });

    // @ts-expect-error -- it is no action
    const build = () => saga('trip', Order).step('room', hotel.hold, () => ({}));

    expect(build).toThrow('hotel.hold, which is a try');
  });

  test('is refused when it returns a promise of the input', async () => {
    const resolved = Promise.resolve().then(() => {
      let promise: Promise<unknown> | undefined;
      const build = () =>
        saga('s', Order).step('mail', mail.send, ((o: never) => {
          promise = Promise.resolve(o);
          return promise;
        }) as never);
      expect(build).toThrow(InvalidSagaError);
      return promise;
    });

    await expect(resolved).rejects.toThrow(/calls 'input.then'/u);
  });

  test.each([
    ['a date', () => ({ to: new Date(0) })],
    ['not a number', () => ({ to: Number.NaN })],
    ['a big integer', () => ({ to: 1n })],
    ['nothing', () => undefined],
  ])('is refused when it returns %s', (_what, mapping) => {
    expect(() => saga('s', Order).step('mail', mail.send, mapping as never)).toThrow(/must be JSON/u);
  });

  test('is refused when it hides a reference beside $from', () => {
    expect(() =>
      saga('s', Order).step('mail', mail.send, (o) => ({ to: 'x', meta: { $from: o.sku as never } })),
    ).toThrow(/\/meta has a member called \$from/u);
  });
});

describe('a saga that cannot run', () => {
  test('is refused for two steps of one name', () => {
    expect(() =>
      // @ts-expect-error -- there is a step 'stock'
      reserved.step('stock', payments.charge, (o) => ({ account: o.account, cents: 1 })),
    ).toThrow(/Two steps are called 'stock'/u);
  });

  test('is refused for an unknown step', () => {
    expect(() =>
      // @ts-expect-error -- there is no step 'stok'
      reserved.step('m', mail.send, (o) => ({ to: o.sku }), { after: ['stok'] }),
    ).toThrow(/no step 'stok' to come after/u);
    expect(() =>
      // @ts-expect-error -- there is no step 'stok'
      reserved.step('m', mail.send, (_o, s) => ({ to: s.stok.total })),
    ).toThrow(/output of 'stok', but there are stock/u);
  });

  test('is refused for an output of a step that does not come before', () => {
    expect(() =>
      reserved.step('charge', payments.charge, (o, s) => ({ account: o.account, cents: s.stock.total }), {
        after: [],
      }),
    ).toThrow(/refers to the output of 'stock', which does not come before it/u);
  });

  test('is refused for a step after the pivot that may abort', () => {
    const charged = saga('s', Order).step(
      'charge',
      payments.charge,
      (o) => ({ account: o.account, cents: 1 }),
      {
        pivot: true,
      },
    );

    expect(() => charged.step('mail', mail.send, (o) => ({ to: o.sku }))).toThrow(
      /needs "onRefusal": "retry"/u,
    );
  });

  test('is refused without steps', () => {
    expect(() => saga('s', Order).plan(order)).toThrow(/it has no steps/u);
  });

  test('is refused with a timeout that is none', () => {
    expect(() => saga('s', Order, { timeout: 'soon' as never })).toThrow(/'soon' is no duration/u);
  });
});

test('a mapping that does not fit does not compile', () => {
  // Named here, and proved by the build alone: each @ts-expect-error below fails it where there is no error.
  expect(compileErrors).toBeInstanceOf(Function);
});

/** Checked by the compiler; never run. */
function compileErrors(): void {
  const start = saga('s', Order);
  start.step('a', stock.reserve, (o) => ({
    // @ts-expect-error -- the order has no 'sku2'
    sku: o.sku2,
    quantity: 1,
  }));
  start.step('a', stock.reserve, (o) => ({
    // @ts-expect-error -- the quantity is no string
    sku: o.quantity,
    quantity: 1,
  }));
  // @ts-expect-error -- the quantity is missing
  start.step('a', stock.reserve, (o) => ({ sku: o.sku }));
  // @ts-expect-error -- nobody knows 'quantiti'
  start.step('a', stock.reserve, (o) => ({ sku: o.sku, quantity: 1, nots: o.note }));
  start.step('a', stock.reserve, (o) => ({
    // @ts-expect-error -- the note may be missing
    sku: o.note,
    quantity: 1,
  }));
  start.step('a', stock.reserve, (o) => ({
    // @ts-expect-error -- the address may be missing
    sku: o.address.street,
    quantity: 1,
    note: o.address.street,
  }));
  start.step('a', stock.reserve, (o) => ({
    // @ts-expect-error -- the first line may be missing
    sku: o.lines[0].sku,
    quantity: 1,
    note: o.lines[0]?.sku,
  }));
  start.step('a', stock.reserve, (o) => ({
    sku: o.sku,
    // @ts-expect-error -- a mapping cannot calculate
    quantity: o.quantity + 1,
  }));
  reserved.step('b', payments.charge, (o, s) => ({
    account: o.account,
    cents: s.stock.total,
    // @ts-expect-error -- an output that may be missing would leave the transaction stuck
    memo: s.stock.shelf,
  }));
  reserved.step('b', payments.charge, (o, s) => ({
    account: o.account,
    // @ts-expect-error -- the place may be null
    cents: s.stock.place.row,
  }));
  // @ts-expect-error -- the input of the saga has no 'quantity' of that type
  reserved.plan({ ...order, quantity: 'two' });
}
