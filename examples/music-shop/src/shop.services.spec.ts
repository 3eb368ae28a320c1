import { RefusedError, type BranchContext, type Undo } from '@atone/nestjs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DataSource, EntityManager } from 'typeorm';
import type { orders, payments, stock } from './contracts.js';
import { Order } from './orders/order.entity.js';
import { OrdersService } from './orders/orders.service.js';
import { Charge } from './payments/charge.entity.js';
import { PaymentsService } from './payments/payments.service.js';
import { Wallet } from './payments/wallet.entity.js';
import { Reservation } from './stock/reservation.entity.js';
import { StockService } from './stock/stock.service.js';
import { Title } from './stock/title.entity.js';
import { createTestShop, type TestShop } from './testing/shop.databases.js';

/*
 * The services without Atone: a branch is no more than an open transaction and an id.
 */

const GID = '01936f3e-0000-7000-8000-000000000000';

let shop: TestShop;
beforeAll(async () => {
  shop = await createTestShop();
});
afterAll(() => shop.drop());

function within<Result>(
  source: DataSource,
  act: (branch: BranchContext<EntityManager>) => Promise<Result>,
): Promise<Result> {
  return source.transaction((transaction) =>
    act({ gid: GID, branchId: 'step', attempt: 1, deadline: undefined, lane: undefined, transaction }),
  );
}

function undoing<Contract>(
  branch: BranchContext<EntityManager>,
  input: Undo<Contract>['input'],
): Undo<Contract, EntityManager> {
  return { ...branch, input, output: undefined, reason: 'insufficient funds' };
}

describe('orders', () => {
  const service = new OrdersService();
  const input = { orderNo: 1, customerId: 7, title: 'Blue', quantity: 2, amountCents: 0 };

  beforeEach(() => shop.orders.query('truncate shop_order'));

  test('an order is taken down as pending, with the transaction it belongs to', async () => {
    await within(shop.orders, (branch) => service.create(input, branch));

    const row = await shop.orders.manager.findOneByOrFail(Order, { orderNo: 1 });
    expect(row).toMatchObject({ ...input, state: 'pending', gid: GID, cancelReason: null });
  });

  test('a number that is taken is refused', async () => {
    await within(shop.orders, (branch) => service.create(input, branch));

    const again = within(shop.orders, (branch) => service.create({ ...input, quantity: 9 }, branch));

    await expect(again).rejects.toThrow(new RefusedError('order number taken'));
  });

  test('a pending order becomes a sale', async () => {
    await within(shop.orders, (branch) => service.create(input, branch));

    await within(shop.orders, (branch) => service.confirm({ orderNo: 1 }, branch));

    expect(await shop.orders.manager.existsBy(Order, { orderNo: 1, state: 'confirmed' })).toBe(true);
  });

  test('a cancelled order says why', async () => {
    await within(shop.orders, (branch) => service.create(input, branch));

    await within(shop.orders, (branch) => service.cancel(undoing<typeof orders.create>(branch, input)));

    const row = await shop.orders.manager.findOneByOrFail(Order, { orderNo: 1 });
    expect(row).toMatchObject({ state: 'cancelled', cancelReason: 'insufficient funds' });
  });
});

describe('stock', () => {
  const service = new StockService();
  const input = { orderNo: 1, title: 'Blue', quantity: 2 };

  beforeEach(async () => {
    await shop.stock.query('truncate reservation, title');
    await shop.stock.manager.insert(Title, { title: 'Blue', fundedQuantity: 3, onHandQuantity: 3 });
  });

  test('a reservation takes CDs off the shelf and is noted', async () => {
    const { reservationId } = await within(shop.stock, (branch) => service.reserve(input, branch));

    expect(await onHand()).toBe(1);
    const line = await shop.stock.manager.findOneByOrFail(Reservation, { reservationId });
    expect(line).toMatchObject({ ...input, kind: 'reserve' });
  });

  test('more than is left is refused, and nothing is taken', async () => {
    const greedy = within(shop.stock, (branch) => service.reserve({ ...input, quantity: 4 }, branch));

    await expect(greedy).rejects.toThrow(new RefusedError('out of stock'));
    expect(await onHand()).toBe(3);
  });

  test('a release puts the CDs back and is noted', async () => {
    await within(shop.stock, (branch) => service.reserve(input, branch));

    await within(shop.stock, (branch) => service.release(undoing<typeof stock.reserve>(branch, input)));

    expect(await onHand()).toBe(3);
    expect(await shop.stock.manager.countBy(Reservation, { orderNo: 1, kind: 'release' })).toBe(1);
  });
});

describe('payments', () => {
  const service = new PaymentsService();
  const input = { orderNo: 1, customerId: 7, amountCents: 400 };

  beforeEach(async () => {
    await shop.payments.query('truncate charge, wallet');
    await shop.payments.manager.insert(Wallet, { customerId: 7, fundedCents: 1_000, balanceCents: 1_000 });
  });

  test('a charge takes the money and is noted', async () => {
    const { chargeId } = await within(shop.payments, (branch) => service.charge(input, branch));

    expect(await balance()).toBe(600);
    const line = await shop.payments.manager.findOneByOrFail(Charge, { chargeId });
    expect(line).toMatchObject({ ...input, kind: 'charge' });
  });

  test('a charge of nothing is noted as well', async () => {
    await within(shop.payments, (branch) => service.charge({ ...input, amountCents: 0 }, branch));

    expect(await balance()).toBe(1_000);
    expect(await shop.payments.manager.countBy(Charge, { orderNo: 1 })).toBe(1);
  });

  test('more than the wallet holds is refused, and nothing is taken', async () => {
    const costly = within(shop.payments, (branch) =>
      service.charge({ ...input, amountCents: 1_001 }, branch),
    );

    await expect(costly).rejects.toThrow(new RefusedError('insufficient funds'));
    expect(await balance()).toBe(1_000);
  });

  test('a refund gives the money back and is noted', async () => {
    await within(shop.payments, (branch) => service.charge(input, branch));

    await within(shop.payments, (branch) => service.refund(undoing<typeof payments.charge>(branch, input)));

    expect(await balance()).toBe(1_000);
    expect(await shop.payments.manager.countBy(Charge, { orderNo: 1, kind: 'refund' })).toBe(1);
  });
});

async function onHand(): Promise<number> {
  const { onHandQuantity } = await shop.stock.manager.findOneByOrFail(Title, { title: 'Blue' });
  return onHandQuantity;
}

async function balance(): Promise<number> {
  const { balanceCents } = await shop.payments.manager.findOneByOrFail(Wallet, { customerId: 7 });
  return balanceCents;
}
