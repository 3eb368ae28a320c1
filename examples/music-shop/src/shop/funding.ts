import type { NewOrder } from '../place-order.saga.js';

/** What the shop starts with. */
export interface Funding {
  readonly wallets: readonly { readonly customerId: number; readonly cents: number }[];
  readonly titles: readonly { readonly title: string; readonly quantity: number }[];
}

/** Every seventh customer has less than his orders cost. */
const SHORT_OF_MONEY = { everyNth: 7, percent: 93 };
/** No title has enough for all of its orders. */
const SHORT_OF_STOCK = { percent: 91 };

/**
 * Returns wallets and stock for `orders`, such that about one in ten of them has to be refused: each customer's wallet
 * holds what all of his orders cost, or 93 % of it for the customers whose number leaves no rest when divided by 7;
 * each title's stock is 91 % of what is ordered. Rounded down.
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
      quantity: part(total, SHORT_OF_STOCK.percent),
    })),
  };
}

function walletOf(customerId: number, total: number): number {
  const isShort = customerId % SHORT_OF_MONEY.everyNth === 0;
  return isShort ? part(total, SHORT_OF_MONEY.percent) : total;
}

function part(total: number, percent: number): number {
  return Math.floor((total * percent) / 100);
}
