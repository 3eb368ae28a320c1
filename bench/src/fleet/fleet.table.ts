import { fixed, tableOf } from '../report.table.js';
import type { Rebalance } from './rebalance.js';
import type { Takeover } from './takeover.js';
import type { CoordinatorsTurn } from './two.coordinators.js';

/** Returns a line for each turn, in their order. */
export function coordinatorsTable(turns: readonly CoordinatorsTurn[]): string {
  return tableOf(
    ['over', 'coordinators', 'tx/s', 'p50 ms', 'p99 ms'],
    turns.map(({ way, coordinatorCount, count, seconds, p50, p99 }) => [
      way,
      String(coordinatorCount),
      fixed(count / seconds, 0),
      fixed(p50, 1),
      fixed(p99, 1),
    ]),
  );
}

/** Returns a line for each kill. */
export function takeoverTable(takeovers: readonly Takeover[]): string {
  return tableOf(
    ['over', 'transactions', 'first ended after s', 'half of them', '90 %', 'the last'],
    takeovers.map(({ way, endedAfterMs }) => [
      way,
      String(endedAfterMs.length),
      ...[0, 0.5, 0.9, 1].map((share) => fixed(at(endedAfterMs, share) / 1_000, 2)),
    ]),
  );
}

/** Returns a line for each event. */
export function rebalanceTable(rebalances: readonly Rebalance[]): string {
  return tableOf(
    ['library', 'of the', 'a member', 'longest gap s: worst partition', 'half of them', 'best'],
    rebalances.map(({ library, group, event, gaps }) => {
      const sorted = gaps.toSorted((left, right) => left - right);
      const told = event === 'nothing' ? '(nothing happens)' : event;
      return [library, group, told, ...[1, 0.5, 0].map((share) => fixed(at(sorted, share) / 1_000, 2))];
    }),
  );
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
}
