import { action, contract } from '@atone/nestjs';
import { z } from 'zod';

/*
 * What the three services offer to each other. Each imports the contracts, and nothing else, of the others.
 */

const orderNo = z.int().positive();
const quantity = z.int().positive();
/** An order may be free of charge. */
const amountCents = z.int().nonnegative();

export const orders = contract('orders', {
  /** Takes the order down as pending. Compensated by cancelling it. */
  create: action({
    input: z.object({ orderNo, customerId: z.int().positive(), title: z.string(), quantity, amountCents }),
    output: z.object({ orderNo }),
  }),
  /** Makes a pending order a sale. Cannot be undone: it comes after the pivot. */
  confirm: action({ input: z.object({ orderNo }), output: z.object({ orderNo }) }),
});

export const stock = contract('stock', {
  /** Takes CDs off the shelf. Compensated by putting them back. */
  reserve: action({
    input: z.object({ orderNo, title: z.string(), quantity }),
    output: z.object({ reservationId: z.int() }),
  }),
});

export const payments = contract('payments', {
  /** Takes money out of a customer's wallet. Compensated by a refund. */
  charge: action({
    input: z.object({ orderNo, customerId: z.int().positive(), amountCents }),
    output: z.object({ chargeId: z.int() }),
  }),
});
