import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RowUpdate, TransactionLog } from '@atone/engine';
import type { Problem, Submission, TransactionView } from '@atone/protocol';
import { placeOrder } from '../harness/contracts.js';
import { Gate, until } from '../harness/until.js';
import { World } from '../harness/world.js';

let world: World;
/** Holds back the writes of ends while it is set. */
let held: { readonly gate: Gate; readonly reached: Gate } | undefined;

beforeAll(async () => {
  world = await World.start({ wrapLog: holdingEnds });
}, 60_000);

afterEach(async () => {
  held = undefined;
  await world.settle();
});

afterAll(async () => {
  await world.close();
});

/** The log, but a write that ends a transaction waits while a test holds it back. */
function holdingEnds(log: TransactionLog): TransactionLog {
  return new Proxy(log, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') {
        return member;
      }
      return async (...args: readonly unknown[]): Promise<unknown> => {
        if (name === 'update' && (args[0] as readonly RowUpdate[]).some(isEnd)) {
          held?.reached.open();
          await held?.gate.passage;
        }
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}

function isEnd({ progress }: RowUpdate): boolean {
  return progress.state === 'committed' || progress.state === 'aborted';
}

function hold(): { readonly gate: Gate; readonly reached: Gate } {
  held = { gate: new Gate(), reached: new Gate() };
  return held;
}

function planOf(amount = 1): Submission {
  return placeOrder.plan({ amount });
}

async function storedState(gid: string): Promise<string | undefined> {
  const rows = await world.queryLog<{ state: string }>(
    'select state from atone.global_transaction where gid = $1',
    [gid],
  );
  return rows[0]?.state;
}

describe('an outcome', () => {
  test.each([
    ['committed', 'ann'],
    ['aborted', 'nobody'],
  ])('%s is told only when it is durable', async (outcome, account) => {
    const { gate, reached } = hold();
    let answered: TransactionView | undefined;
    const answer = world
      .ask<TransactionView>('POST /v1/transactions?wait=15s', { body: placeOrder.plan({ account }) })
      .then(async ({ body }) => {
        answered = body;
        return { body, stored: await storedState(body.gid) };
      });
    await reached.passage;

    const gid = world.transport.sent.at(-1)?.gid ?? '';
    const early = await world.ask<TransactionView>(`GET /v1/transactions/${gid}?wait=300ms`);

    expect([answered, early.body.endedAt]).toEqual([undefined, undefined]);
    expect(await storedState(gid)).not.toBe(outcome);
    gate.open();
    const told = await answer;
    expect([told.body.state, told.body.gid, told.stored]).toEqual([outcome, gid, outcome]);
  });
});

describe('a submission with an idempotency key', () => {
  test('S11 that is repeated after the end gets the same transaction and no second effect', async () => {
    const first = await world.sagas.submit(
      placeOrder,
      { amount: 2 },
      { wait: '15s', idempotencyKey: 'order-1' },
    );
    const again = await world.sagas.submit(
      placeOrder,
      { amount: 2 },
      { wait: '15s', idempotencyKey: 'order-1' },
    );

    expect([first.isReplay, again.isReplay]).toEqual([false, true]);
    expect(again.transaction).toEqual(first.transaction);
    expect(await world.effectsOf(first.gid)).toEqual(['stock', 'charge', 'parcel']);
  });

  test('that arrives five times at once starts one transaction', async () => {
    const before = await rowCounts();
    const submitOnce = async () =>
      world.ask<TransactionView & Problem>('POST /v1/transactions?wait=15s', {
        body: planOf(2),
        headers: { 'idempotency-key': 'order-2' },
      });

    const answers = await Promise.all([1, 2, 3, 4, 5].map(submitOnce));
    const later = await submitOnce();

    const taken = answers.filter(({ status }) => status === 200);
    const turnedAway = answers.filter(({ status }) => status === 409);
    expect(taken.length + turnedAway.length).toBe(5);
    expect(turnedAway.every(({ body }) => body.code === 'IDEMPOTENCY_IN_FLIGHT')).toBe(true);
    expect(taken.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    expect(new Set(taken.map(({ body }) => body.gid))).toEqual(new Set([later.body.gid]));
    expect(later.headers.get('idempotent-replayed')).toBe('true');
    expect(await rowCounts()).toEqual({ transactions: before.transactions + 1, keys: before.keys + 1 });
    expect(await world.effectsOf(later.body.gid)).toEqual(['stock', 'charge', 'parcel']);
  });

  test('of another body is refused, and says whose key it is', async () => {
    const { gid } = await world.sagas.submit(placeOrder, {}, { wait: '15s', idempotencyKey: 'order-3' });
    const before = await rowCounts();

    const { status, body } = await world.ask<Problem>('POST /v1/transactions', {
      body: { ...planOf(), name: 'another' },
      headers: { 'idempotency-key': 'order-3' },
    });

    expect([status, body.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    expect(body.detail).toContain(gid);
    expect(await rowCounts()).toEqual(before);
  });
});

/** How many rows the tables hold that an acceptance writes to. */
async function rowCounts(): Promise<{ readonly transactions: number; readonly keys: number }> {
  const [counts] = await world.queryLog<{ transactions: number; keys: number }>(
    `select
      (select count(*)::int from atone.global_transaction) as transactions,
      (select count(*)::int from atone.idempotency_key) as keys`,
  );
  return counts ?? { transactions: -1, keys: -1 };
}

const STEP = { name: 'stock', service: 'stock', action: 'reserve', input: { name: 'lamp', amount: 1 } };

function stepsOf(...changes: readonly object[]): object {
  return {
    name: 'bad',
    steps: changes.map((change, position) => ({ ...STEP, name: `s${position}`, ...change })),
  };
}

describe('a submission that is wrong leaves no trace', () => {
  test.each<[string, unknown, string]>([
    ['without steps', { name: 'bad', steps: [] }, 'BAD_REQUEST'],
    ['without a name', { steps: [STEP] }, 'BAD_REQUEST'],
    ['of an unknown service', stepsOf({ service: 'stokc' }), 'UNKNOWN_ACTION'],
    ['of an unknown action', stepsOf({ action: 'reserv' }), 'UNKNOWN_ACTION'],
    ['with two steps of one name', stepsOf({ name: 'a' }, { name: 'a' }), 'INVALID_PLAN'],
    ['with a circle', stepsOf({ after: ['s1'] }, { after: ['s0'] }), 'INVALID_PLAN'],
    ['after a step that is not there', stepsOf({ after: ['nowhere'] }), 'INVALID_PLAN'],
    ['with two pivots', stepsOf({ pivot: true }, { pivot: true }), 'INVALID_PLAN'],
    ['with a step after the pivot that may refuse', stepsOf({ pivot: true }, {}), 'INVALID_PLAN'],
    [
      'with the output of a later step',
      stepsOf({ input: { $from: 's1', pointer: '/line' } }, {}),
      'INVALID_PLAN',
    ],
    ['with a member that nobody knows', { ...stepsOf({}), timeout: 5 }, 'BAD_REQUEST'],
    ['with a timeout of nothing', { ...stepsOf({}), timeoutMs: 0 }, 'BAD_REQUEST'],
    ['that is no JSON', '{"name": ', 'BAD_REQUEST'],
    ['that is no object', '[]', 'BAD_REQUEST'],
  ])('%s', async (_what, body, code) => {
    const before = await rowCounts();

    const answer = await world.ask<Problem>('POST /v1/transactions', {
      body,
      headers: { 'content-type': 'application/json', 'idempotency-key': 'bad-1' },
    });

    expect([answer.status, answer.body.code]).toEqual([400, code]);
    expect(answer.body.detail).not.toBe('');
    expect(await rowCounts()).toEqual(before);
  });

  test('with a key that is no key', async () => {
    const before = await rowCounts();

    const answer = await world.ask<Problem>('POST /v1/transactions', {
      body: planOf(),
      headers: { 'idempotency-key': 'not a key' },
    });

    expect([answer.status, answer.body.code]).toEqual([400, 'BAD_REQUEST']);
    expect(await rowCounts()).toEqual(before);
  });

  test('of an unknown action is told the nearest one', async () => {
    const { body } = await world.ask<Problem>('POST /v1/transactions', {
      body: stepsOf({ action: 'reserv' }),
    });

    expect(body.errors).toEqual([
      { field: '/steps/0/action', message: expect.stringContaining("The nearest one is 'reserve'.") },
    ]);
  });
});

test('a key whose submission was refused is free for the right one', async () => {
  const headers = { 'idempotency-key': 'order-9' };
  await world.ask('POST /v1/transactions', { body: stepsOf({ service: 'stokc' }), headers });

  const { status, body } = await world.ask<TransactionView>('POST /v1/transactions', {
    body: planOf(),
    headers,
  });

  expect(status).toBe(202);
  await until('it has committed', async () => (await storedState(body.gid)) === 'committed');
});
