import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Order, type OrderState } from '../orders/order.entity.js';
import { Charge, type ChargeKind } from '../payments/charge.entity.js';
import { Wallet } from '../payments/wallet.entity.js';
import { Reservation, type ReservationKind } from '../stock/reservation.entity.js';
import { Title } from '../stock/title.entity.js';
import { createTestShop, type TestShop } from '../testing/shop.databases.js';
import { checkInvariants } from './invariants.js';

const NONE = { money: [], stock: [], twice: [], unfinished: [] };
const GID = '01936f3e-0000-7000-8000-000000000000';
const PRICE = 250;

let shop: TestShop;
beforeAll(async () => {
  shop = await createTestShop();
});
afterAll(() => shop.drop());

/** One sold order, one cancelled after its reservation, one cancelled before anything. */
beforeEach(async () => {
  await shop.orders.query('truncate shop_order');
  await shop.stock.query('truncate reservation, title');
  await shop.payments.query('truncate charge, wallet');
  await shop.payments.manager.insert(Wallet, {
    customerId: 7,
    fundedCents: 1_000,
    balanceCents: 1_000 - PRICE,
  });
  await shop.stock.manager.insert(Title, { title: 'Blue', fundedQuantity: 9, onHandQuantity: 7 });
  await order(1, 'confirmed');
  await reservation(1, 'reserve');
  await charge(1, 'charge');
  await order(2, 'cancelled');
  await reservation(2, 'reserve');
  await reservation(2, 'release');
  await order(3, 'cancelled');
});

async function order(orderNo: number, state: OrderState): Promise<void> {
  const cancelReason = state === 'cancelled' ? 'out of stock' : null;
  await shop.orders.manager.insert(Order, {
    orderNo,
    state,
    cancelReason,
    customerId: 7,
    title: 'Blue',
    quantity: 2,
    amountCents: PRICE,
    gid: GID,
  });
}

async function reservation(orderNo: number, kind: ReservationKind): Promise<void> {
  await shop.stock.manager.insert(Reservation, { orderNo, kind, title: 'Blue', quantity: 2 });
}

async function charge(orderNo: number, kind: ChargeKind): Promise<void> {
  await shop.payments.manager.insert(Charge, { orderNo, kind, customerId: 7, amountCents: PRICE });
}

test('a shop in which all went well has nothing wrong', async () => {
  expect(await checkInvariants(shop.queries)).toEqual(NONE);
});

test('what a pending order has done so far is not wrong yet', async () => {
  await order(4, 'pending');
  await reservation(4, 'reserve');
  await shop.stock.manager.decrement(Title, { title: 'Blue' }, 'onHandQuantity', 2);

  expect(await checkInvariants(shop.queries)).toEqual({ ...NONE, unfinished: [4] });
});

describe('it is seen when', () => {
  test('money vanishes from a wallet', async () => {
    await shop.payments.manager.decrement(Wallet, { customerId: 7 }, 'balanceCents', 1);

    const { money } = await checkInvariants(shop.queries);

    expect(money).toEqual(['the wallet of customer 7 was given 1000, holds 749, and 250 went to orders']);
  });

  test('CDs appear on a shelf', async () => {
    await shop.stock.manager.increment(Title, { title: 'Blue' }, 'onHandQuantity', 2);

    const { stock } = await checkInvariants(shop.queries);

    expect(stock).toEqual(['the shelf of Blue was given 9, holds 9, and 2 went to orders']);
  });

  test('an order is charged twice, and the wallet pays twice', async () => {
    await charge(1, 'charge');
    await shop.payments.manager.decrement(Wallet, { customerId: 7 }, 'balanceCents', PRICE);

    const { money, twice } = await checkInvariants(shop.queries);

    expect(money).toEqual(['order 1 cost 500 instead of 250']);
    expect(twice).toEqual(['order 1 was charged 2 times, and 0 times undone']);
  });

  test('a reservation is released twice', async () => {
    await reservation(2, 'release');
    await shop.stock.manager.increment(Title, { title: 'Blue' }, 'onHandQuantity', 2);

    const { stock, twice } = await checkInvariants(shop.queries);

    expect(stock).toEqual(['order 2 took -2 instead of 0']);
    expect(twice).toEqual(['order 2 was reserved 1 times, and 2 times undone']);
  });

  test('a cancelled order keeps its CDs', async () => {
    await reservation(3, 'reserve');
    await shop.stock.manager.decrement(Title, { title: 'Blue' }, 'onHandQuantity', 2);

    const { stock } = await checkInvariants(shop.queries);

    expect(stock).toEqual(['order 3 took 2 instead of 0']);
  });

  test('a confirmed order was never charged', async () => {
    await order(5, 'confirmed');
    await reservation(5, 'reserve');
    await shop.stock.manager.decrement(Title, { title: 'Blue' }, 'onHandQuantity', 2);

    const { money, stock } = await checkInvariants(shop.queries);

    expect(money).toEqual(['order 5 cost 0 instead of 250']);
    expect(stock).toEqual([]);
  });

  test('somebody was charged for an order that does not exist', async () => {
    await charge(99, 'charge');
    await shop.payments.manager.decrement(Wallet, { customerId: 7 }, 'balanceCents', PRICE);

    const { money } = await checkInvariants(shop.queries);

    expect(money).toEqual(['order 99 cost 250 instead of 0']);
  });
});
