import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { BranchReply, Json } from '@atone/core';
import type { Barrier } from './barrier.port.js';
import { currentBranch } from './branch.context.js';
import { action, contract, RefusedError, type ActionHandler, type BranchContext } from './contract.js';
import type { LocalDatabase } from './database.port.js';
import { createParticipant, type ParticipantOptions } from './participant.js';
import { command, next } from './testing/ledger.fixture.js';

const shop = contract('shop', {
  order: action({ input: z.object({ sku: z.string() }), output: z.object({ price: z.number() }) }),
  cancel: action({ input: z.object({}), output: z.void() }),
});

const order = (run: ActionHandler<null>['run'] = async () => ({ price: 1 })): ActionHandler<null> => ({
  contract: shop.order,
  run,
});

/** Runs everything and remembers nothing, so that the tests need no database. */
const open: Barrier<null> = {
  act: async (_call, handler) => ({ outcome: 'done', output: (await handler(null)).output }),
  confirm: () => Promise.resolve({ outcome: 'confirmed' }),
  undo: async (_call, handler) => {
    await handler(null, { input: { sku: 'a' }, output: { price: 1 } });
    return { outcome: 'undone', wasEmpty: false };
  },
  closeAction: () => Promise.resolve({ outcome: 'closed' }),
  closeConfirm: () => Promise.resolve({ outcome: 'closed' }),
  closeUndo: () => Promise.resolve({ outcome: 'closed' }),
};

const participant = (
  handlers: readonly ActionHandler<null>[],
  rest: Partial<ParticipantOptions<null>> = {},
) =>
  createParticipant({
    service: 'shop',
    database: {} as LocalDatabase<null>,
    handlers,
    barrier: open,
    ...rest,
  });

const weird = (input: z.ZodType, output: z.ZodType = z.null()): ActionHandler<null> => ({
  contract: { service: 'shop', name: 'weird', kind: 'saga', input, output },
  run: async () => null,
});

const placed = () => command({ service: 'shop', action: 'order', input: { sku: 'a' } });

const unknown = (errorClass: string, message: unknown = expect.any(String)): unknown => ({
  outcome: 'unknown',
  error: { class: errorClass, message },
});

describe('a participant cannot be made', () => {
  test.each<[string, ActionHandler<null>[], RegExp]>([
    ['with two handlers for one action', [order(), order()], /Two handlers.*shop\.order.*Remove one/u],
    [
      "with another service's action",
      [{ ...order(), contract: { ...shop.order, service: 'bank' } }],
      /bank\.order is registered at service 'shop'.*service: 'bank'/u,
    ],
    [
      'with a date',
      [weird(z.object({ a: z.object({ at: z.date() }) }))],
      /input of shop\.weird.*z\.date\(\) at a\.at\./u,
    ],
    ['with bigints in a list', [weird(z.object({ n: z.array(z.bigint()) }))], /z\.bigint\(\) at n\.\[\]/u],
    [
      'with a map',
      [weird(z.null(), z.map(z.string(), z.string()))],
      /output of shop\.weird.*z\.map\(\) as a whole/u,
    ],
    [
      'with an output that is transformed',
      [
        weird(
          z.null(),
          z.string().transform((text) => new Date(text)),
        ),
      ],
      /output of shop\.weird.*z\.transform\(\)/u,
    ],
    [
      'with a name that the wire does not take',
      [{ ...order(), contract: { ...shop.order, name: '1st' } }],
      /'1st' is no name for an action: it must start with a letter/u,
    ],
  ])('%s, and the error says what to do', (_title, handlers, message) => {
    expect(() => participant(handlers)).toThrow(
      expect.objectContaining({ name: 'MisuseError', message: expect.stringMatching(message) }),
    );
  });
});

test.each([
  ['a pool of one connection', { database: { connectionCountMax: 1 } as LocalDatabase<null> }],
  ['no connection to spare', { database: { connectionCountMax: 8 } as LocalDatabase<null>, parallelMax: 8 }],
])('a participant with %s could come to a standstill, and is not made', (_title, rest) => {
  expect(() => participant([order()], rest)).toThrow('at least one connection more');
});

describe('a command', () => {
  test('for an action that is not here is told the nearest name', async () => {
    const { execute } = participant([order()]);

    const reply = await execute({ ...placed(), action: 'oder' });

    expect(reply).toEqual(
      unknown('action-gone', "Service 'shop' has no action 'oder'. The nearest name is 'order'."),
    );
  });

  test('for another service is told who this is', async () => {
    const { execute } = participant([order()]);

    expect(await execute({ ...placed(), service: 'bank' })).toEqual(
      unknown('action-gone', "This is service 'shop', not 'bank'."),
    );
  });

  test('to close a round needs no handler, for the code may be what is gone', async () => {
    const { execute } = participant([]);

    expect(await execute(next(placed(), 'close-action', { service: 'shop', action: 'gone' }))).toEqual({
      outcome: 'closed',
    });
  });

  test('tells its handler who asks, how often, and how long there is', async () => {
    const seen: unknown[] = [];
    const { execute } = participant(
      [
        order(async (input, branch) => {
          await Promise.resolve();
          seen.push(input, branch, currentBranch());
          return { price: 1 };
        }),
      ],
      { clock: { now: () => 1_000, instant: (ms) => new Date(ms) } },
    );
    const one = { ...placed(), attempt: 2, remainingMs: 500, lane: 'green', traceparent: '00-a' };

    await execute(one);

    const { gid, branchId } = one;
    const context: BranchContext<null> = {
      gid,
      branchId,
      attempt: 2,
      lane: 'green',
      deadline: new Date(1_500),
      transaction: null,
    };
    expect(seen).toEqual([
      { sku: 'a' },
      context,
      expect.objectContaining({
        gid,
        branchId,
        op: 'action',
        service: 'shop',
        action: 'order',
        traceparent: '00-a',
      }),
    ]);
    expect(currentBranch()).toBeUndefined();
  });

  test('to compensate hands over what the action was given and answered, and why', async () => {
    const seen: unknown[] = [];
    const { execute } = participant([
      {
        ...order(),
        compensate: async (undo) => {
          seen.push(undo);
        },
      },
    ]);

    await execute(next(placed(), 'compensate', { service: 'shop', action: 'order', reason: 'deadline' }));

    expect(seen).toMatchObject([
      { input: { sku: 'a' }, output: { price: 1 }, reason: 'deadline', transaction: null },
    ]);
  });
});

describe('what a handler throws or returns', () => {
  class Odd {
    toJSON() {
      return 1;
    }
  }
  const withCause = Object.assign(new TypeError('fetch failed'), {
    cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
  });

  test.each<[string, () => unknown, unknown]>([
    [
      'a TypeError',
      () => (undefined as unknown as { x: 1 }).x,
      unknown('code', expect.stringMatching(/^TypeError: /u)),
    ],
    [
      'a ReferenceError',
      () => {
        throw new ReferenceError('gone');
      },
      unknown('code'),
    ],
    [
      'a RangeError',
      () => {
        throw new RangeError('deep');
      },
      unknown('code'),
    ],
    ['a SyntaxError', () => JSON.parse('{') as unknown, unknown('code')],
    [
      'the TypeError of a fetch that found nobody',
      () => {
        throw withCause;
      },
      unknown('error'),
    ],
    [
      'an Error',
      () => {
        throw new Error('the bank is away');
      },
      unknown('error', 'the bank is away'),
    ],
    [
      'an Error of 5 kB',
      () => {
        throw new Error('x'.repeat(5_000));
      },
      unknown('error', 'x'.repeat(1_000)),
    ],
    // oxlint-disable-next-line no-throw-literal -- users do
    [
      'a string',
      () => {
        throw 'odd';
      },
      unknown('error', "The handler threw 'odd'."),
    ],
    [
      'a deadlock',
      () => {
        throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
      },
      unknown('error'),
    ],
    [
      'an output of another shape',
      () => ({ price: 'a lot' }),
      unknown('code', expect.stringContaining('/price')),
    ],
    ['nothing where the contract promises something', () => undefined, unknown('code')],
  ])('%s', async (_title, run, reply) => {
    const { execute } = participant([order(async () => run())]);

    expect(await execute(placed())).toEqual(reply);
  });

  test.each<[string, unknown, unknown]>([
    ['a date', { at: new Date(0) }, unknown('code', expect.stringContaining('Date at /at'))],
    ['a NaN', [Number.NaN], unknown('code', expect.stringContaining('number at /0'))],
    ['a function', { f: () => 1 }, unknown('code')],
    ['a bigint', 1n, unknown('code')],
    ['an object of its own JSON', new Odd(), unknown('code')],
    ['60 kB of text', 'x'.repeat(60_001), unknown('code', expect.stringContaining('60000 are the limit'))],
    ['a member that is undefined', { a: 1, b: undefined }, { outcome: 'done', output: { a: 1 } }],
  ])('%s where the contract takes anything', async (_title, value, reply) => {
    const any = contract('shop', { any: action({ input: z.unknown(), output: z.unknown() }) });
    const { execute } = participant([{ contract: any.any, run: () => Promise.resolve(value) }]);

    expect(await execute({ ...placed(), action: 'any' })).toEqual(reply);
  });

  test('an output that is void crosses the wire as null', async () => {
    const { execute } = participant([{ contract: shop.cancel, run: () => Promise.resolve('not told') }]);

    expect(await execute({ ...placed(), action: 'cancel', input: {} })).toEqual({
      outcome: 'done',
      output: null,
    });
  });

  test('a refusal that no barrier stores is no answer', async () => {
    const { execute } = participant([order(() => Promise.reject(new RefusedError('sold out')))]);

    expect(await execute(placed())).toEqual(unknown('error', expect.stringContaining('sold out')));
  });
});

describe('many commands at once', () => {
  test('run 16 at a time; those past the queue are told to come back', async () => {
    const running = { count: 0, max: 0 };
    const releases: (() => void)[] = [];
    const { execute, idle } = participant(
      [
        order(async () => {
          running.count += 1;
          running.max = Math.max(running.max, running.count);
          await new Promise<void>((resolve) => {
            releases.push(resolve);
          });
          running.count -= 1;
          return { price: 1 };
        }),
      ],
      { waitingMax: 4 },
    );

    const replies = Promise.all(Array.from({ length: 21 }, () => execute(placed())));
    const through = idle();
    while (running.count > 0 || releases.length < 20) {
      releases.forEach((release) => release());
      // oxlint-disable-next-line no-await-in-loop -- lets the queue move on
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }

    await through;
    const outcomes = (await replies).map((reply: BranchReply) => reply.outcome);
    expect(running.max).toBe(16);
    expect(outcomes).toEqual([...Array.from({ length: 20 }, () => 'done'), 'unknown']);
    expect((await replies).at(-1)).toEqual(unknown('unreachable', expect.stringContaining('busy')));
  });

  test('that are told to come back are told which handler hangs, and for how long', async () => {
    const clock = { nowMs: 0 };
    const { execute } = participant([order(() => new Promise(() => undefined))], {
      parallelMax: 2,
      waitingMax: 0,
      clock: { now: () => clock.nowMs, instant: (ms) => new Date(ms) },
    });
    const oldest = placed();
    void execute(oldest);
    clock.nowMs = 60_000;
    void execute(placed());
    clock.nowMs = 312_000;

    const reply = await execute(placed());

    expect(reply).toEqual(
      unknown(
        'unreachable',
        "Service 'shop' is busy: too many commands wait. The oldest that runs is the action shop.order of branch " +
          `${oldest.branchId} of ${oldest.gid}, for 312 s.`,
      ),
    );
  });

  test('a repeat of what is under way takes no place, and shares the answer', async () => {
    let runCount = 0;
    const { execute } = participant([
      order(async () => {
        runCount += 1;
        await Promise.resolve();
        return { price: runCount };
      }),
    ]);
    const one = placed();

    const inputs: Json[] = [{ sku: 'a' }, { sku: 'a' }, { sku: 'b' }];
    const replies = await Promise.all(
      inputs.map((input, attempt) => execute({ ...one, input, attempt: attempt + 1 })),
    );

    expect(replies[1]).toBe(replies[0]);
    expect(runCount).toBe(2);
  });
});
