import { describe, expect, test } from '@jest/globals';
import type { NewOrder } from '@atone/example-music-shop';
import type { Ended } from '../example.js';
import { openOrders, standingOf, type OrderRow } from './music-shop.standing.js';

const NOTHING_WRONG = { money: [], stock: [], twice: [], unfinished: [] };

function order(orderNo: number): NewOrder {
  return { orderNo, customerId: 7, title: 'Blue', quantity: 1, amountCents: 1_000 };
}

function row(orderNo: number, state: OrderRow['state'], reason: string | null = null): OrderRow {
  return {
    order_no: orderNo,
    customer_id: 7,
    title: 'Blue',
    quantity: 1,
    amount_cents: 1_000,
    state,
    cancel_reason: reason,
    gid: `gid-${orderNo}`,
  };
}

function ended(orderNo: number, outcome: Ended['result']['outcome'], reason = ''): Ended {
  return { key: `order-${orderNo}`, result: { outcome, reason }, latencyMs: 1 };
}

describe('a later start', () => {
  const orders = [order(1), order(2), order(3), order(4)];

  test('goes on with the orders that are not in the database, and those that are pending', () => {
    const open = openOrders(orders, [
      row(1, 'confirmed'),
      row(2, 'pending'),
      row(3, 'cancelled', 'out of stock'),
    ]);

    expect(open.map(({ orderNo }) => orderNo)).toEqual([2, 4]);
  });

  test('has nothing to do when all have ended', () => {
    expect(openOrders([order(1)], [row(1, 'confirmed')])).toEqual([]);
  });

  test('refuses the orders of another file', () => {
    const other = { ...order(2), amountCents: 999 };

    expect(() => openOrders([order(1), other], [row(2, 'confirmed')])).toThrow(
      'order 2 is not the same in both',
    );
  });
});

describe('the standing', () => {
  test('counts what the database holds, and names one of each', () => {
    const rows = [row(1, 'confirmed'), row(2, 'cancelled', 'out of stock'), row(3, 'pending')];

    const standing = standingOf({ totalCount: 4, rows, ended: [], findings: NOTHING_WRONG });

    expect(standing).toMatchObject({
      committedCount: 1,
      abortedCounts: new Map([['out of stock', 1]]),
      undecidedCount: 2,
      committedGid: 'gid-1',
      abortedGid: 'gid-2',
    });
    expect(standing.checks.every(({ holds }) => holds)).toBe(true);
  });

  test('does not count what people ordered beside the file', () => {
    const rows = [row(1, 'confirmed'), row(9_000_001, 'confirmed')];

    const standing = standingOf({ totalCount: 1, rows, ended: [], findings: NOTHING_WRONG });

    expect(standing).toMatchObject({ committedCount: 1, undecidedCount: 0 });
  });

  test('counts what was aborted before its order was taken down', () => {
    const run = [ended(1, 'aborted', 'The deadline passed.')];

    const standing = standingOf({ totalCount: 1, rows: [], ended: run, findings: NOTHING_WRONG });

    expect(standing.abortedCounts).toEqual(new Map([['The deadline passed.', 1]]));
    expect(standing.undecidedCount).toBe(0);
  });

  test.each<[string, Ended, OrderRow[]]>([
    ['committed, and is not there', ended(1, 'committed'), []],
    ['committed, and is cancelled', ended(1, 'committed'), [row(1, 'cancelled', 'out of stock')]],
    ['aborted, and is confirmed', ended(1, 'aborted'), [row(1, 'confirmed')]],
  ])('shows an order that the coordinator calls %s', (_what, run, rows) => {
    const { checks } = standingOf({ totalCount: 1, rows, ended: [run], findings: NOTHING_WRONG });

    expect(checks.find(({ label }) => label === 'Outcomes carried out')).toMatchObject({
      value: 'no',
      holds: false,
    });
  });

  test('shows what the invariants found', () => {
    const findings = { ...NOTHING_WRONG, twice: ['order 1 was charged 2 times, and 0 times undone'] };

    const { checks } = standingOf({ totalCount: 0, rows: [], ended: [], findings });

    expect(checks.find(({ label }) => label === 'Effects twice')).toMatchObject({ value: '1', holds: false });
  });
});
