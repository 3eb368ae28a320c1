/*
 * What must hold once every saga has ended, whatever crashed meanwhile. It is computed from the three services' own
 * databases, so it trusts nothing that the coordinator says.
 */

/** Runs a statement in the database of one service. */
export type Query = (statement: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

export interface ShopDatabases {
  readonly orders: Query;
  readonly stock: Query;
  readonly payments: Query;
}

/** What was found. Each list holds sentences, and is empty when all is well. */
export interface Findings {
  readonly money: readonly string[];
  readonly stock: readonly string[];
  /** Effects that happened more than once for one order. */
  readonly twice: readonly string[];
  /** Orders that are neither confirmed nor cancelled. */
  readonly unfinished: readonly number[];
}

const ORDERS = `
select order_no, state, amount_cents, quantity
from shop_order`;

/** What each order cost in the end, and how often it was charged and refunded. */
const CHARGES = `
select order_no,
  sum(case kind when 'charge' then amount_cents else -amount_cents end)::float8 as net,
  count(*) filter (where kind = 'charge')::int as done,
  count(*) filter (where kind = 'refund')::int as undone
from charge
group by order_no`;

const RESERVATIONS = `
select order_no,
  sum(case kind when 'reserve' then quantity else -quantity end)::float8 as net,
  count(*) filter (where kind = 'reserve')::int as done,
  count(*) filter (where kind = 'release')::int as undone
from reservation
group by order_no`;

const WALLETS = `
select 'the wallet of customer ' || customer_id as holder,
  funded_cents as funded,
  balance_cents as held,
  coalesce(net, 0) as gone
from wallet
left join (
  select customer_id, sum(case kind when 'charge' then amount_cents else -amount_cents end)::float8 as net
  from charge
  group by customer_id
) as charged using (customer_id)
where funded_cents <> balance_cents + coalesce(net, 0)`;

const SHELVES = `
select 'the shelf of ' || title as holder,
  funded_quantity as funded,
  on_hand_quantity as held,
  coalesce(net, 0) as gone
from title
left join (
  select title, sum(case kind when 'reserve' then quantity else -quantity end)::float8 as net
  from reservation
  group by title
) as reserved using (title)
where funded_quantity <> on_hand_quantity + coalesce(net, 0)`;

interface OrderRow {
  readonly order_no: number;
  readonly state: string;
  readonly amount_cents: number;
  readonly quantity: number;
}

interface Net {
  readonly order_no: number;
  readonly net: number;
  readonly done: number;
  readonly undone: number;
}

interface Gap {
  readonly holder: string;
  readonly funded: number;
  readonly held: number;
  readonly gone: number;
}

/**
 * Returns what is wrong in the shop: money and stock are neither made nor lost, a confirmed order has cost and taken
 * what it says, any other one nothing, and nothing happened twice.
 */
export async function checkInvariants(databases: ShopDatabases): Promise<Findings> {
  const [orders, charges, reservations, wallets, shelves] = (await Promise.all([
    databases.orders(ORDERS),
    databases.payments(CHARGES),
    databases.stock(RESERVATIONS),
    databases.payments(WALLETS),
    databases.stock(SHELVES),
  ])) as unknown as [OrderRow[], Net[], Net[], Gap[], Gap[]];
  const ended = orders.filter(({ state }) => state !== 'pending');
  const unfinished = orders.filter(({ state }) => state === 'pending').map((order) => order.order_no);
  const dueCents = new Map(ended.map((order) => [order.order_no, dueOf(order, order.amount_cents)]));
  const dueQuantity = new Map(ended.map((order) => [order.order_no, dueOf(order, order.quantity)]));
  const open = new Set(unfinished);
  return {
    money: [...wallets.map(gapSentence), ...mismatches('cost', { nets: charges, due: dueCents, open })],
    stock: [
      ...shelves.map(gapSentence),
      ...mismatches('took', { nets: reservations, due: dueQuantity, open }),
    ],
    twice: [...repeats('charged', charges), ...repeats('reserved', reservations)],
    unfinished,
  };
}

function dueOf({ state }: OrderRow, whole: number): number {
  return state === 'confirmed' ? whole : 0;
}

function gapSentence({ holder, funded, held, gone }: Gap): string {
  return `${holder} was given ${funded}, holds ${held}, and ${gone} went to orders`;
}

interface Comparison {
  readonly nets: readonly Net[];
  readonly due: ReadonlyMap<number, number>;
  /** What is under way may be half done. */
  readonly open: ReadonlySet<number>;
}

function mismatches(verb: string, { nets, due, open }: Comparison): string[] {
  const netOf = new Map(nets.map((net) => [net.order_no, net.net]));
  const orderNos = new Set([...due.keys(), ...netOf.keys()]);
  return [...orderNos]
    .filter((orderNo) => !open.has(orderNo) && (netOf.get(orderNo) ?? 0) !== (due.get(orderNo) ?? 0))
    .map(
      (orderNo) => `order ${orderNo} ${verb} ${netOf.get(orderNo) ?? 0} instead of ${due.get(orderNo) ?? 0}`,
    );
}

function repeats(verb: string, nets: readonly Net[]): string[] {
  return nets
    .filter(({ done, undone }) => done > 1 || undone > done)
    .map(
      ({ order_no: orderNo, done, undone }) =>
        `order ${orderNo} was ${verb} ${done} times, and ${undone} times undone`,
    );
}
