import { orderKey, type Findings, type NewOrder } from '@atone/example-music-shop';
import { countEach, yesOrNo } from '../checks.js';
import type { Check, Ended, Standing } from '../example.js';
import { QuickstartError } from '../quickstart.error.js';

/** An order as the orders service holds it. */
export interface OrderRow {
  readonly order_no: number;
  readonly customer_id: number;
  readonly title: string;
  readonly quantity: number;
  readonly amount_cents: number;
  readonly state: 'pending' | 'confirmed' | 'cancelled';
  readonly cancel_reason: string | null;
  readonly gid: string;
}

/**
 * Returns the orders that have not ended. Who is pending was submitted by a start that did not see its end: the key makes
 * it the same transaction.
 *
 * @throws QuickstartError when the rows are those of other orders.
 */
export function openOrders(orders: readonly NewOrder[], rows: readonly OrderRow[]): NewOrder[] {
  const rowOf = new Map(rows.map((row) => [row.order_no, row]));
  refuseOtherFile(orders, rowOf);
  return orders.filter(({ orderNo }) => (rowOf.get(orderNo)?.state ?? 'pending') === 'pending');
}

export interface StandingFacts {
  readonly totalCount: number;
  readonly rows: readonly OrderRow[];
  /** What ended in this run. */
  readonly ended: readonly Ended[];
  readonly findings: Findings;
}

/** Returns how things stand in the shop. */
export function standingOf({ totalCount, rows: allRows, ended, findings }: StandingFacts): Standing {
  // People may have placed orders of their own, with numbers beyond the file's.
  const rows = allRows.filter((row) => row.order_no <= totalCount);
  const known = new Set(rows.map((row) => orderKey(row.order_no)));
  // Whoever aborts before its order was taken down leaves no row.
  const rowless = ended.filter(({ key, result }) => !known.has(key) && result.outcome === 'aborted');
  const cancelled = rows.filter(({ state }) => state === 'cancelled');
  const confirmed = rows.filter(({ state }) => state === 'confirmed');
  const reasons = [
    ...cancelled.map((row) => row.cancel_reason ?? 'unknown'),
    ...rowless.map(({ result }) => result.reason ?? 'unknown'),
  ];
  return {
    committedCount: confirmed.length,
    abortedCounts: countEach(reasons),
    undecidedCount: totalCount - confirmed.length - reasons.length,
    checks: checksOf(findings, outcomeViolations(rows, ended)),
    committedGid: confirmed[0]?.gid,
    abortedGid: cancelled[0]?.gid,
  };
}

function checksOf({ money, stock, twice }: Findings, outcomes: readonly string[]): Check[] {
  return [
    yesOrNo('Money conserved', money),
    yesOrNo('Stock conserved', stock),
    { label: 'Effects twice', value: String(twice.length), holds: twice.length === 0, violations: twice },
    yesOrNo('Outcomes carried out', outcomes),
  ];
}

function refuseOtherFile(orders: readonly NewOrder[], rows: ReadonlyMap<number, OrderRow>): void {
  const differing = orders.find((order) => !isSame(order, rows.get(order.orderNo)));
  if (differing !== undefined) {
    throw new QuickstartError(
      `The database holds orders of another file: order ${differing.orderNo} is not the same in both. Begin anew with --fresh, or keep both with --data <another folder>.`,
    );
  }
}

function isSame(order: NewOrder, row: OrderRow | undefined): boolean {
  return (
    row === undefined ||
    (row.customer_id === order.customerId &&
      row.title === order.title &&
      row.quantity === order.quantity &&
      row.amount_cents === order.amountCents)
  );
}

const STATE_OF_OUTCOME = { committed: 'confirmed', aborted: 'cancelled' } as const;

/** What the coordinator said of an order must be what became of it. */
function outcomeViolations(rows: readonly OrderRow[], ended: readonly Ended[]): string[] {
  const stateOf = new Map(rows.map((row) => [orderKey(row.order_no), row.state]));
  return ended.flatMap(({ key, result: { outcome } }) => {
    const state = stateOf.get(key);
    const isAsSaid =
      outcome === 'undecided' ||
      state === STATE_OF_OUTCOME[outcome] ||
      (outcome === 'aborted' && state === undefined);
    return isAsSaid
      ? []
      : [`${key} is ${outcome} at the coordinator and ${state ?? 'absent'} in the database`];
  });
}
