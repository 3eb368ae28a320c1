import { expect, test } from '@jest/globals';
import { placeOrder } from './place-order.saga.js';

const order = { orderNo: 17, customerId: 7, title: 'Blue', quantity: 2, amountCents: 0 };

test('an order is created, reserved, charged and confirmed, and the charge decides', () => {
  const { steps } = placeOrder.plan(order);

  const names = steps.map(
    ({ service, action, pivot = false }) => `${service}.${action}${pivot ? ' (pivot)' : ''}`,
  );
  expect(names).toEqual(['orders.create', 'stock.reserve', 'payments.charge (pivot)', 'orders.confirm']);
});

test('a confirmation that is refused is tried again, for the customer has paid', () => {
  const { steps } = placeOrder.plan(order);

  expect(steps.at(-1)).toMatchObject({ name: 'confirm', onRefusal: 'retry' });
});
