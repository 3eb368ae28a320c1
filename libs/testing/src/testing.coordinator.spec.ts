import { action, contract, RefusedError, saga, type Participant } from '@atone/participant';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createTestingCoordinator, type StubbedService, type TestingCoordinator } from './index.js';

const stock = contract('stock', {
  reserve: action({ input: z.object({ sku: z.string() }), output: z.object({ cents: z.int() }) }),
});
const payments = contract('payments', {
  charge: action({ input: z.object({ account: z.string(), cents: z.int() }), output: z.null() }),
});

const Order = z.object({ id: z.string(), sku: z.string(), account: z.string() });

const placeOrder = saga('place-order', Order)
  .step('stock', stock.reserve, (order) => ({ sku: order.sku }))
  .step('charge', payments.charge, (order, steps) => ({ account: order.account, cents: steps.stock.cents }));

const order = { id: 'order-1', sku: 'a-1', account: 'ada' };

let atone: TestingCoordinator;
let warehouse: StubbedService;
let bank: StubbedService;

beforeEach(() => {
  atone = createTestingCoordinator();
  warehouse = atone.stub(stock, { reserve: () => ({ cents: 500 }) });
  bank = atone.stub(payments, { charge: () => null });
});

function place(wait: '1h' | '0s' = '1h') {
  return atone.client.submit(placeOrder, order, { idempotencyKey: order.id, wait });
}

function stubbedElsewhere(): Participant {
  return createTestingCoordinator().stub(stock, { reserve: () => ({ cents: 1 }) }).participant;
}

function opsOf(service: StubbedService): readonly string[] {
  return service.effects.map(({ op }) => op);
}

describe('a coordinator in memory', () => {
  test('has the services do what the plan says', async () => {
    const { outcome, outputs } = await place();

    expect({ outcome, outputs }).toEqual({
      outcome: 'committed',
      outputs: { stock: { cents: 500 }, charge: null },
    });
    expect(warehouse.effects).toEqual([{ op: 'action', action: 'reserve', input: { sku: 'a-1' } }]);
    expect(bank.effects).toEqual([{ op: 'action', action: 'charge', input: { account: 'ada', cents: 500 } }]);
  });

  test('undoes what was done when a service says no', async () => {
    atone.failAt(payments.charge, 'refuse', { reason: 'no credit' });

    const { gid, outcome } = await place();

    expect(outcome).toBe('aborted');
    expect(opsOf(warehouse)).toEqual(['action', 'compensate']);
    expect(opsOf(bank)).toEqual([]);
    expect(await atone.history(gid)).toMatchInlineSnapshot(`
     "accepted
     stock done
     charge refused – no credit
     charge aborting – refused: no credit
     stock compensated
     aborted"
    `);
  });

  test('gives the same answer to the same idempotency key, and refuses it for another order', async () => {
    const first = await place();

    const again = await place();
    const other = atone.client.submit(placeOrder, { ...order, sku: 'b-2' }, { idempotencyKey: order.id });

    expect(again).toMatchObject({ gid: first.gid, isReplay: true });
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
  });

  test('refuses a plan with an action that nobody offers', async () => {
    const plan = { name: 'p', steps: [{ name: 's', service: 'stock', action: 'reserv' }] };

    await expect(atone.client.submitPlan(plan)).rejects.toThrow("The nearest one is 'reserve'");
  });

  test('tells how a service takes part in a test where one is not there', async () => {
    atone = createTestingCoordinator();

    await expect(place()).rejects.toThrow(/'stock' is not in the catalogue.*after init\(\)/u);
  });

  test('refuses what is no plan, and names the field', async () => {
    const plan = {
      name: 'p',
      steps: [{ name: 's', service: 'stock', action: 'reserve', pivot: 'yes' as never }],
    };

    await expect(atone.client.submitPlan(plan)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      errors: [{ field: '/steps/0/pivot' }],
    });
  });

  test('lets time stand still while nobody waits', async () => {
    atone.failAt(payments.charge, 'before-effect');
    const { gid } = await place('0s');

    const before = await atone.client.get(gid);
    await atone.advance('1s');

    expect(before.outcome).toBe('undecided');
    await expect(atone.client.get(gid)).resolves.toMatchObject({ outcome: 'committed' });
  });

  test('lets no time pass while a handler is at work, however long it takes', async () => {
    atone = createTestingCoordinator();
    atone.stub(stock, {
      reserve: async () => {
        for (let turn = 0; turn < 100; turn += 1) {
          // oxlint-disable-next-line no-await-in-loop -- as a database takes its time.
          await new Promise(setImmediate);
        }
        return { cents: 500 };
      },
    });
    const hasty = saga('hasty', Order, { retry: { replyTimeoutMs: 10 } }).step(
      'stock',
      stock.reserve,
      (input) => ({
        sku: input.sku,
      }),
    );

    const { gid } = await atone.client.submit(hasty, order, { wait: '1m' });

    expect(await atone.history(gid)).toBe('accepted\nstock done\ncommitted');
  });

  test('takes retries of many minutes in its stride', async () => {
    atone.failAt(payments.charge, 'before-effect', { times: Infinity });

    const { outcome, abort, transaction } = await place();

    expect({ outcome, code: abort?.code }).toEqual({ outcome: 'aborted', code: 'attempts' });
    expect(Date.parse(transaction.endedAt ?? '') - Date.parse(transaction.acceptedAt)).toBeGreaterThan(
      60_000,
    );
  });

  test('lists, counts and shows what operators look at', async () => {
    await place();

    const { transactions } = await atone.client.list({ name: 'place-order', outcome: 'committed' });
    const { byState } = await atone.client.counts();
    const participants = await atone.client.participants();

    expect(transactions).toHaveLength(1);
    expect(byState.committed).toBe(1);
    expect(participants.map(({ service }) => service)).toEqual(['stock', 'payments']);
  });

  test('tells which transactions have ended, and for how long, to who removes barrier rows', async () => {
    const ended = (await place()).gid;
    await atone.advance('1h');
    atone.failAt(payments.charge, 'before-effect');
    const live = (await atone.client.submit(placeOrder, { ...order, id: 'order-2' }, { wait: '0s' })).gid;

    const endings = await atone.client.endings([ended, live, '0193d6c0-0000-7000-8000-000000000001']);

    expect(endings).toEqual([
      { gid: ended, isLive: false, endedForMs: 3_600_000 },
      { gid: live, isLive: true },
    ]);
    await expect(atone.client.endings(['order-1'])).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('takes the acts of operators', async () => {
    const letter = contract('mail', {
      send: action({ input: z.object({ to: z.string() }), output: z.null() }),
    });
    const mail = atone.stub(letter, { send: () => null });
    const outage = atone.failAt(letter.send, 'before-effect', { times: Infinity });
    const thank = saga('thank', z.object({ to: z.string() })).step(
      'letter',
      letter.send,
      ({ to }) => ({ to }),
      { pivot: true },
    );
    const { gid, stuck } = await atone.client.submit(thank, { to: 'ann' }, { wait: '1h' });

    const refused = atone.client.abort(gid, { reason: 'ann moved' });
    await expect(refused).rejects.toMatchObject({ code: 'ACT_NOT_POSSIBLE' });
    outage.lift();
    await atone.client.retry(gid, { reason: 'the post is back' });

    expect(stuck?.reason).toBe('unknown-outcome');
    await expect(atone.client.get(gid, { wait: '1m' })).resolves.toMatchObject({ outcome: 'committed' });
    expect(mail.effects).toHaveLength(1);
  });

  test('has a handler of one service start a saga at another', async () => {
    const shop = contract('shop', {
      sell: action({ input: Order, output: z.object({ outcome: z.string() }) }),
    });
    atone.stub(shop, {
      sell: async (input) => atone.client.submit(placeOrder, input, { wait: '1m' }),
    });
    atone.failAt(payments.charge, 'after-effect');
    const sell = saga('sell', Order).step('sell', shop.sell, (input) => input, { pivot: true });

    const { outputs } = await atone.client.submit(sell, order, { wait: '1m' });

    expect(outputs).toEqual({ sell: { outcome: 'committed' } });
  });
});

describe('a coordinator that crashes', () => {
  test('is followed by another one, which ends what it began', async () => {
    atone.failAt(payments.charge, 'before-effect');
    const { gid } = await place('0s');

    await atone.crashCoordinator();
    await atone.quiet();

    expect(opsOf(bank)).toEqual(['action']);
    expect(await atone.history(gid)).toMatchInlineSnapshot(`
     "accepted
     claimed by coordinator-2
     stock done
     charge unknown – error: The test has this call fail before its effect.
     charge done (attempt 2)
     committed"
    `);
  });

  test('is asked again by who waited for it', async () => {
    atone.failAt(payments.charge, 'before-effect', { times: 3 });
    const placing = place();

    await atone.crashCoordinator();

    await expect(placing).resolves.toMatchObject({ outcome: 'committed' });
  });
});

describe('a stub', () => {
  test('is replaced by a later one of the same service', async () => {
    const dearer = atone.stub(stock, { reserve: () => ({ cents: 900 }) });

    const { outputs } = await place();

    expect(outputs).toMatchObject({ stock: { cents: 900 } });
    expect(opsOf(dearer)).toEqual(['action']);
    expect(opsOf(warehouse)).toEqual([]);
  });

  test('and the service itself cannot both be there, whichever comes first', () => {
    const itself = stubbedElsewhere();
    const early = createTestingCoordinator();
    early.stub(stock, { reserve: () => ({ cents: 1 }) });
    const late = createTestingCoordinator();
    late.join(itself);

    expect(() => early.join(itself)).toThrow("'stock' is both stubbed and there itself");
    expect(() => late.stub(stock, { reserve: () => ({ cents: 1 }) })).toThrow('leave out the stub');
  });

  test('refuses, and is undone, as the test says', async () => {
    const released: string[] = [];
    atone = createTestingCoordinator();
    atone.stub(stock, {
      reserve: { run: () => ({ cents: 1 }), compensate: ({ input }) => void released.push(input.sku) },
    });
    atone.stub(payments, {
      charge: ({ account }) => {
        throw new RefusedError(`no credit for ${account}`);
      },
    });

    const { abort } = await place();

    expect(abort?.message).toContain('no credit for ada');
    expect(released).toEqual(['a-1']);
  });

  test('cannot be undone where the test says so, and a plan that needs it is refused', async () => {
    atone = createTestingCoordinator();
    atone.stub(stock, { reserve: { run: () => ({ cents: 1 }), compensate: 'none' } });
    atone.stub(payments, { charge: () => null });

    await expect(place()).rejects.toMatchObject({ code: 'INVALID_PLAN' });
  });
});
