import { saga } from '@atone/nestjs';
import { z } from 'zod';
import { orders, payments, stock } from './contracts.js';

/** What a customer wants. */
export const newOrder = z.object({
  orderNo: z.int().positive(),
  customerId: z.int().positive(),
  title: z.string(),
  quantity: z.int().positive(),
  amountCents: z.int().nonnegative(),
});

export type NewOrder = z.infer<typeof newOrder>;

/**
 * Sells CDs: takes the order down, reserves, charges, confirms.
 *
 * The charge is the pivot. A refusal at or before it undoes what was done: the CDs go back on the shelf and the order is
 * cancelled. Once the charge says yes the order is sold, and its confirmation is repeated until it is done.
 */
export const placeOrder = saga('place-order', newOrder)
  .step('create', orders.create, ({ orderNo, customerId, title, quantity, amountCents }) => ({
    orderNo,
    customerId,
    title,
    quantity,
    amountCents,
  }))
  .step('reserve', stock.reserve, ({ orderNo, title, quantity }) => ({ orderNo, title, quantity }))
  .step(
    'charge',
    payments.charge,
    ({ orderNo, customerId, amountCents }) => ({ orderNo, customerId, amountCents }),
    { pivot: true },
  )
  .step('confirm', orders.confirm, ({ orderNo }) => ({ orderNo }), { onRefusal: 'retry' });

/** Returns the idempotency key of an order: its number, so that it is placed once however often it is submitted. */
export function orderKey(orderNo: number): string {
  return `order-${orderNo}`;
}
