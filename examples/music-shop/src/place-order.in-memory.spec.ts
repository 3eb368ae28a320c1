import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { payments, stock } from './contracts.js';
import type { NewOrder } from './place-order.saga.js';
import { checkInvariants } from './shop/invariants.js';
import { openShop, type RunningShop } from './testing/shop.in-memory.js';

/*
 * The three services with their databases, and the coordinator in memory: what crashes and gets lost here does so in a
 * moment. The check is that of the quickstart, and reads the three databases.
 */

const RICH = 1;
const POOR = 2;

let shop: RunningShop;
let orderNo = 0;

beforeAll(async () => {
  shop = await openShop();
  // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- fills a shelf, not an array.
  await shop.stock.fill({ titles: [{ title: 'Blue', quantity: 1_000 }] });
  await shop.payments.fund({
    wallets: [
      { customerId: RICH, cents: 1_000_000 },
      { customerId: POOR, cents: 100 },
    ],
  });
});
beforeEach(() => shop.atone.reset());
afterAll(() => shop.close());

function place(customerId = RICH) {
  orderNo += 1;
  const order: NewOrder = { orderNo, customerId, title: 'Blue', quantity: 2, amountCents: 400 };
  return shop.orders.place(order);
}

async function nothingIsMadeOrLost(): Promise<void> {
  expect(await checkInvariants(shop.databases.queries)).toEqual({
    money: [],
    stock: [],
    twice: [],
    unfinished: [],
  });
}

test('an order that cannot be paid is cancelled, and its CDs are back on the shelf', async () => {
  const { gid, outcome, reason } = await place(POOR);

  expect({ outcome, reason }).toEqual({
    outcome: 'aborted',
    reason: expect.stringContaining('insufficient funds'),
  });
  await expect(shop.orders.find(orderNo)).resolves.toMatchObject({ state: 'cancelled' });
  await nothingIsMadeOrLost();
  expect(await shop.atone.history(gid)).toMatchInlineSnapshot(`
   "accepted
   create done
   reserve done
   charge refused – insufficient funds
   charge aborting – refused: insufficient funds
   reserve compensated
   create compensated
   aborted"
  `);
});

test('a customer is charged once, though the answer of the charge was lost', async () => {
  shop.atone.failAt(payments.charge, 'after-effect');

  const { gid, outcome } = await place();

  expect(outcome).toBe('committed');
  await nothingIsMadeOrLost();
  expect(await shop.atone.history(gid)).toMatchInlineSnapshot(`
   "accepted
   create done
   reserve done
   charge unknown – unreachable: The connection broke, and with it the answer was lost.
   charge done (attempt 2)
   committing
   confirm done
   committed"
  `);
});

test('an order is placed, though the stock service dies in the middle of a reservation', async () => {
  shop.atone.failAt(stock.reserve, 'crash');

  const { outcome } = await place();

  expect(outcome).toBe('committed');
  await nothingIsMadeOrLost();
});

test('money and stock are conserved wherever something crashes while an order is placed', async () => {
  const { points } = await shop.atone.everyCrashPoint(() => place(), nothingIsMadeOrLost);

  expect(points).toEqual(
    expect.arrayContaining([
      'coordinator crashes at engine.first.afterWrite #1',
      'payments crashes at participant.action.beforeReply of charge #1',
      'action of reserve comes after its undo #1',
      'charge refuses #1',
    ]),
  );
});

test('money and stock are conserved wherever something crashes while an order is undone', async () => {
  const { points } = await shop.atone.everyCrashPoint(() => place(POOR), nothingIsMadeOrLost);

  expect(points).toEqual(
    expect.arrayContaining([
      'reply to compensation of reserve is lost #1',
      'orders crashes at participant.compensate.beforeCommit of create #1',
    ]),
  );
});
