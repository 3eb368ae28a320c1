import { action, contract, saga } from '@atone/participant';
import type { TransactionView } from '@atone/protocol';
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

/** Returns how long a transaction took, in ms. */
function lasted({ acceptedAt, endedAt = '' }: TransactionView): number {
  return Date.parse(endedAt) - Date.parse(acceptedAt);
}

function opsOf(service: StubbedService): readonly string[] {
  return service.effects.map(({ op }) => op);
}

describe('what fails', () => {
  test('before its effect is asked for again', async () => {
    const fault = atone.failAt(payments.charge, 'before-effect', { times: 2 });

    const { outcome } = await place();

    expect({ outcome, ops: opsOf(bank), times: fault.happenedCount }).toEqual({
      outcome: 'committed',
      ops: ['action'],
      times: 2,
    });
  });

  test('after its effect is asked for again, and has one effect', async () => {
    atone.failAt(payments.charge, 'after-effect', { times: 2 });

    const { gid, outcome } = await place();

    expect({ outcome, ops: opsOf(bank) }).toEqual({ outcome: 'committed', ops: ['action'] });
    expect(await atone.history(gid)).toMatchInlineSnapshot(`
     "accepted
     stock done
     charge unknown – unreachable: The connection broke, and with it the answer was lost.
     charge unknown (attempt 2) – unreachable: The connection broke, and with it the answer was lost.
     charge done (attempt 3)
     committed"
    `);
  });

  test('by slowness is asked for again, and has one effect when the slow call gets there', async () => {
    const fault = atone.failAt(payments.charge, 'slow');

    const { gid, outcome, transaction } = await place();

    expect({ outcome, ops: opsOf(bank), times: fault.happenedCount }).toEqual({
      outcome: 'committed',
      ops: ['action'],
      times: 1,
    });
    expect(lasted(transaction)).toBe(11_000);
    expect(await atone.history(gid)).toMatchInlineSnapshot(`
     "accepted
     stock done
     charge unknown – timeout: No reply came in time.
     charge done (attempt 2)
     committed"
    `);
  });

  test('by slowness past the deadline is undone after its effect, which came too late', async () => {
    atone.failAt(payments.charge, 'slow', { takes: '2m' });
    const quick = saga('quick', Order, { timeout: '30s' })
      .step('stock', stock.reserve, ({ sku }) => ({ sku }))
      .step('charge', payments.charge, ({ account }) => ({ account, cents: 1 }));

    const { gid, outcome, abort, transaction } = await atone.client.submit(quick, order, { wait: '1h' });

    expect({ outcome, code: abort?.code, lasted: lasted(transaction) }).toEqual({
      outcome: 'aborted',
      code: 'deadline',
      lasted: 120_000,
    });
    expect([opsOf(warehouse), opsOf(bank)]).toEqual([
      ['action', 'compensate'],
      ['action', 'compensate'],
    ]);
    expect(await atone.history(gid)).toMatchInlineSnapshot(`
     "accepted
     stock done
     charge unknown – timeout: No reply came in time.
     charge unknown (attempt 2) – timeout: No reply came in time.
     aborting – deadline: The deadline passed before all steps were done.
     charge unknown – timeout: No reply came in time.
     charge unknown (attempt 2) – timeout: No reply came in time.
     charge unknown (attempt 3) – timeout: No reply came in time.
     charge unknown (attempt 4) – timeout: No reply came in time.
     charge unknown (attempt 5) – timeout: No reply came in time.
     charge unknown (attempt 6) – timeout: No reply came in time.
     charge unknown (attempt 7) – timeout: No reply came in time.
     charge compensated (attempt 8)
     stock compensated
     aborted"
    `);
  });

  test('by slowness does so when time passes, and not after all is begun anew', async () => {
    atone.failAt(payments.charge, 'slow', { takes: '5s' });
    await place('0s');

    await atone.advance('4s');
    const early = opsOf(bank);
    await atone.quiet();
    const then = opsOf(bank);
    atone.failAt(payments.charge, 'slow', { takes: '5s' });
    await atone.client.submit(placeOrder, { ...order, id: 'order-2' }, { wait: '0s' });
    await atone.reset();
    await atone.advance('1h');

    expect([early, then, opsOf(bank)]).toEqual([[], ['action'], []]);
  });

  test('by slowness leaves what is planned behind it for the next call', async () => {
    atone.failAt(payments.charge, 'slow', { takes: '1s' });
    const refusal = atone.failAt(payments.charge, 'refuse');

    const { outcome } = await place();

    expect({ outcome, refusedCount: refusal.happenedCount }).toEqual({
      outcome: 'committed',
      refusedCount: 0,
    });
  });

  test('by a crash leaves nothing behind, and is asked for again when the service is back', async () => {
    atone.failAt(payments.charge, 'crash');

    const { outcome } = await place();

    expect({ outcome, ops: opsOf(bank) }).toEqual({ outcome: 'committed', ops: ['action'] });
  });

  test('while it is undone is undone in the end', async () => {
    atone.failAt(payments.charge, 'refuse');
    atone.failAt(stock.reserve, 'crash', { op: 'compensate' });
    atone.failAt(stock.reserve, 'after-effect', { op: 'compensate', step: 'stock' });

    const { outcome } = await place();

    expect({ outcome, ops: opsOf(warehouse) }).toEqual({ outcome: 'aborted', ops: ['action', 'compensate'] });
  });

  test('fails no more once it is lifted, nor at another step', async () => {
    atone.failAt(payments.charge, 'refuse', { step: 'refill' });
    atone.failAt(payments.charge, 'refuse').lift();

    const { outcome } = await place();

    expect(outcome).toBe('committed');
  });
});

describe('a fault', () => {
  test.each(['before-effect', 'after-effect', 'refuse', 'crash', 'slow'] as const)(
    'has a single %s happen to one of several calls at the same moment',
    async (kind) => {
      const fault = atone.failAt(payments.charge, kind);

      const ended = await Promise.all(
        ['a', 'b', 'c'].map((id) => atone.client.submit(placeOrder, { ...order, id }, { wait: '1h' })),
      );

      expect(fault.happenedCount).toBe(1);
      expect(ended.filter(({ outcome }) => outcome === 'aborted')).toHaveLength(kind === 'refuse' ? 1 : 0);
    },
  );

  test.each([
    { what: 'an action that does not exist', at: undefined, message: 'is it misspelt?' },
    { what: 'a contract', at: payments, message: 'is it misspelt?' },
    { what: 'a kind that does not exist', at: payments.charge, kind: 'refuze', message: "knows no 'refuze'" },
  ])('plans no fault for $what', ({ at, kind = 'refuse', message }) => {
    expect(() => atone.failAt(at as never, kind as never)).toThrow(message);
  });

  test('that never happens is listed until all is begun anew', async () => {
    atone.failAt(payments.charge, 'refuse', { step: 'refill' });
    atone.failAt(stock.reserve, 'crash', { op: 'compensate' });
    atone.failAt(contract('mail', { send: payments.charge }).send, 'slow').lift();
    atone.failAt(stock.reserve, 'after-effect');

    await place();

    expect(atone.missedFaults()).toEqual([
      "refuse at payments.charge, step 'refill'",
      'crash at stock.reserve, compensate',
    ]);
    await atone.reset();
    expect(atone.missedFaults()).toEqual([]);
  });

  test('that happens at no crash point is no test, and one that happens in some of the runs is', async () => {
    await expect(crashingUndo('refill')).rejects.toThrow(
      "never happened in any of the runs: crash at stock.reserve, compensate, step 'refill'. Is a step misspelt",
    );
    await expect(crashingUndo()).resolves.toMatchObject({ runCount: expect.any(Number) });
  });
});

function crashingUndo(step?: string) {
  return atone.everyCrashPoint(
    () => place(),
    () => true,
    { before: () => atone.failAt(stock.reserve, 'crash', { op: 'compensate', step }) },
  );
}
