import type { NewOrder } from '../place-order.saga.js';

/** What the shop starts with. */
export interface Funding {
  readonly wallets: readonly { readonly customerId: number; readonly cents: number }[];
  readonly titles: readonly { readonly title: string; readonly quantity: number }[];
}

/** Every seventh customer has less than his orders cost. */
const SHORT_OF_MONEY = { everyNth: 7, percent: 7 };
/** No title has enough for all of its orders, but where so few are ordered that the tenth part is less than one CD. */
const SHORT_OF_STOCK = { percent: 10 };

/**
 * Returns wallets and stock for `orders`, such that about one in ten of them has to be refused: each title's stock is a
 * tenth less than what is ordered, and each customer's wallet holds what all of his orders cost, or 7 % less where his
 * number can be divided by 7. What is missing is rounded down, to whole CDs and cents.
 */
export function fundingFor(orders: readonly NewOrder[]): Funding {
  const cents = new Map<number, number>();
  const quantities = new Map<string, number>();
  for (const { customerId, title, amountCents, quantity } of orders) {
    cents.set(customerId, (cents.get(customerId) ?? 0) + amountCents);
    quantities.set(title, (quantities.get(title) ?? 0) + quantity);
  }
  return {
    wallets: [...cents].map(([customerId, total]) => ({ customerId, cents: walletOf(customerId, total) })),
    titles: [...quantities].map(([title, total]) => ({
      title,
      quantity: lessPercent(total, SHORT_OF_STOCK.percent),
    })),
  };
}

function walletOf(customerId: number, total: number): number {
  const isShort = customerId % SHORT_OF_MONEY.everyNth === 0;
  return isShort ? lessPercent(total, SHORT_OF_MONEY.percent) : total;
}

function lessPercent(total: number, percent: number): number {
  return total - Math.floor((total * percent) / 100);
}
