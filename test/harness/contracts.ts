import type { RetryPolicy } from '@atone/core';
import { action, contract, saga, type Duration } from '@atone/nestjs';
import { z } from 'zod';

const Taking = z.object({ name: z.string(), amount: z.int().positive() });
const Line = z.object({ line: z.int(), amount: z.int() });

/** Each service keeps one kind of thing, of which an action takes some, and no more than there is. */
export const stock = contract('stock', { reserve: action({ input: Taking, output: Line }) });
export const payments = contract('payments', { charge: action({ input: Taking, output: Line }) });
export const shipping = contract('shipping', { book: action({ input: Taking, output: Line }) });

export type Taking = z.infer<typeof Taking>;
export type Line = z.infer<typeof Line>;

const Order = z.object({
  sku: z.string().default('lamp'),
  account: z.string().default('ann'),
  truck: z.string().default('north'),
  amount: z.int().positive().default(3),
});

/** Soon again, since every participant is on this machine. */
const QUICK = { initialMs: 10, capMs: 100 };

/** For networks that lose things: what is lost is missed soon. On a busy machine an answer may be missed that comes. */
const HASTY = { ...QUICK, replyTimeoutMs: 400 };

/** Three steps, of which the second and the third take as much as the one before says that it took. */
export const placeOrder = orderOf('place-order', QUICK);

/** The same, for networks that lose things. */
export const placeOrderHastily = orderOf('place-order-hastily', HASTY);

/** For participants that come back: asked as often as it takes. */
export const placeOrderPatiently = orderOf('place-order-patiently', { ...QUICK, attemptCountMax: 10_000 });

/** For participants that do not come back in time. */
export const placeOrderBriefly = orderOf('place-order-briefly', {
  ...QUICK,
  attemptCountMax: 3,
  undoAttemptCountMax: 10_000,
});

/** Long enough to come to a step that hangs, also on a busy machine. */
export const placeOrderSoon = orderOf('place-order-soon', QUICK, '2s');

function orderOf(name: string, retry: Partial<RetryPolicy>, timeout: Duration = '60s') {
  return saga(name, Order, { timeout, retry })
    .step('stock', stock.reserve, (o) => ({ name: o.sku, amount: o.amount }))
    .step('charge', payments.charge, (o, s) => ({ name: o.account, amount: s.stock.amount }))
    .step('parcel', shipping.book, (o, s) => ({ name: o.truck, amount: s.charge.amount }));
}

/** The same, decided by the charge. */
export const payFirst = saga('pay-first', Order, { timeout: '60s', retry: QUICK })
  .step('stock', stock.reserve, (o) => ({ name: o.sku, amount: o.amount }))
  .step('charge', payments.charge, (o, s) => ({ name: o.account, amount: s.stock.amount }), { pivot: true })
  .step('parcel', shipping.book, (o, s) => ({ name: o.truck, amount: s.charge.amount }), {
    onRefusal: 'retry',
  });

/** Two branches side by side between the first step and the last. */
export const twoGifts = saga('two-gifts', Order, { timeout: '60s', retry: QUICK })
  .step('stock', stock.reserve, (o) => ({ name: o.sku, amount: o.amount }))
  .step('charge', payments.charge, (o) => ({ name: o.account, amount: o.amount }), { after: ['stock'] })
  .step('gift', stock.reserve, () => ({ name: 'ribbon', amount: 1 }), { after: ['stock'] })
  .step('parcel', shipping.book, (o, s) => ({ name: o.truck, amount: s.charge.amount }), {
    after: ['charge', 'gift'],
  });
