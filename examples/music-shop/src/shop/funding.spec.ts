import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { NewOrder } from '../place-order.saga.js';
import { fundingFor } from './funding.js';
import { readPurchases } from './purchases.csv.js';

const SAMPLE = fileURLToPath(new URL('../../data/cdnow-sample.csv', import.meta.url));

function order(part: Partial<NewOrder>): NewOrder {
  return { orderNo: 1, customerId: 1, title: 'Blue', quantity: 1, amountCents: 1_000, ...part };
}

test('a wallet holds what all orders of its customer cost', () => {
  const { wallets } = fundingFor([order({ amountCents: 700 }), order({ orderNo: 2, amountCents: 0 })]);

  expect(wallets).toEqual([{ customerId: 1, cents: 700 }]);
});

test('a customer whose number can be divided by 7 lacks 7 %, rounded down', () => {
  const { wallets } = fundingFor([order({ customerId: 14, amountCents: 1_099 })]);

  expect(wallets).toEqual([{ customerId: 14, cents: 1_099 - 76 }]);
});

test('a shelf lacks a tenth, and nothing where that is less than one CD', () => {
  const { titles } = fundingFor([order({ quantity: 19 }), order({ title: 'Red', quantity: 9 })]);

  expect(titles).toEqual([
    { title: 'Blue', quantity: 18 },
    { title: 'Red', quantity: 9 },
  ]);
});

test('about one order in ten of the sample is refused', async () => {
  const orders = await readPurchases(SAMPLE);

  const refusedCount = countRefused(orders);

  expect(orders).toHaveLength(7_063);
  expect(refusedCount / orders.length).toBeGreaterThan(0.09);
  expect(refusedCount / orders.length).toBeLessThan(0.11);
});

/** Sells to one after the other, as a shop without concurrency would. */
function countRefused(orders: readonly NewOrder[]): number {
  const { wallets, titles } = fundingFor(orders);
  const cents = new Map(wallets.map((wallet) => [wallet.customerId, wallet.cents]));
  const onHand = new Map(titles.map(({ title, quantity }) => [title, quantity]));
  return orders.filter(({ customerId, title, quantity, amountCents }) => {
    const [held = 0, left = 0] = [cents.get(customerId), onHand.get(title)];
    if (left < quantity || held < amountCents) {
      return true;
    }
    cents.set(customerId, held - amountCents);
    onHand.set(title, left - quantity);
    return false;
  }).length;
}
