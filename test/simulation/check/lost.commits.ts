import { outcomeOf, type Branch, type Plan, type Saga } from '@atone/core';
import type { StoredRow } from '@atone/engine';
import type { PromiseId } from './violation.js';

/** What the barriers keep by themselves, whatever the log forgets. */
export const KEPT_BY_BARRIERS: ReadonlySet<PromiseId> = new Set(['S4', 'S5', 'S7']);

/** What a decision that was lost may contradict: an undo that was on its way, and what a client was told. */
const OF_A_DECISION: ReadonlySet<PromiseId> = new Set(['S1', 'S8']);

/** What a log that has failed over may break of a transaction that goes by a plan. Anything else it must keep. */
export class LostCommits {
  private readonly gone = new Set<string>();
  private readonly excused = new Map<string, (promise: PromiseId) => boolean>();

  /** Takes note that the log has a row no more as it was, but as it had been, or not at all. */
  lose(was: StoredRow, is: StoredRow | undefined, plan: Plan): void {
    if (is === undefined) {
      this.gone.add(was.gid);
    }
    const before = this.excused.get(was.gid) ?? (() => false);
    const excuse = is === undefined ? exceptByBarriers : excuseOf(was, is, plan);
    this.excused.set(was.gid, (promise) => before(promise) || excuse(promise));
  }

  /** Takes note that a row is there again: a statement was carried out late. */
  written(gid: string): void {
    this.gone.delete(gid);
  }

  /** Whether the log has lost idempotency keys: what was theirs is anybody's again. */
  get hasLostKeys(): boolean {
    return this.gone.size > 0;
  }

  /** Whether the log has lost the row. */
  isGone(gid: string): boolean {
    return this.gone.has(gid);
  }

  /** Whether a promise may be broken of a transaction. */
  excuses(promise: PromiseId, gid: string): boolean {
    return this.excused.get(gid)?.(promise) === true;
  }
}

function excuseOf(was: StoredRow, is: StoredRow, plan: Plan): (promise: PromiseId) => boolean {
  // Without a barrier the log alone remembers what was sent; and nobody else what an operator has said.
  if (plan.steps.some(({ hasBarrier }) => !hasBarrier)) {
    return () => true;
  }
  if (actCount(was) > actCount(is) || isPivotSent(was, plan) !== isPivotSent(is, plan)) {
    return exceptByBarriers;
  }
  return (promise) => outcomeOf(was.state) !== outcomeOf(is.state) && OF_A_DECISION.has(promise);
}

function exceptByBarriers(promise: PromiseId): boolean {
  return !KEPT_BY_BARRIERS.has(promise);
}

function actCount({ progress }: StoredRow): number {
  const { history } = progress as unknown as Pick<Saga, 'history'>;
  return history.filter(({ what }) => what.startsWith('operator-')).length;
}

function isPivotSent({ progress }: StoredRow, { steps }: Plan): boolean {
  const { branches } = progress as unknown as { readonly branches: readonly Branch[] };
  const pivot = steps.find((step) => step.pivot);
  return branches.some(({ branchId, wasSent }) => branchId === pivot?.branchId && wasSent);
}
