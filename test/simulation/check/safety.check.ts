import { outcomeOf, type Branch, type Plan, type PlanStep, type Saga } from '@atone/core';
import type { StoredRow } from '@atone/engine';
import type { MemoryCommit } from '@atone/participant/testing';
import { BAD_NAMES } from '../world/bad.requests.js';
import type { Effect } from '../world/handlers.js';
import { LedCheck, type CheckClock } from './led.check.js';
import { LostCommits } from './lost.commits.js';
import { Violation, type PromiseId } from './violation.js';

/** What is known of a branch from the databases alone. */
interface BranchFacts {
  effectCount: number;
  undoCount: number;
  /** Whether an undo, empty or not, is stored. */
  isUndone: boolean;
  /** Whether the compensation has said no, and that is stored. */
  isUndoRefused: boolean;
}

interface TransactionFacts {
  row: StoredRow;
  readonly plan: Plan;
  readonly dependents: ReadonlyMap<string, readonly string[]>;
  readonly branches: Map<string, BranchFacts>;
}

/**
 * Watches every commit of every database, and reports each that breaks a promise.
 *
 * It knows nothing of the code under test: it sees rows of the log, rows of the barriers, and effects.
 */
export class SafetyCheck {
  /** Holds the transactions that code leads to what is promised of them. */
  readonly led: LedCheck;
  private readonly transactions = new Map<string, TransactionFacts>();
  private readonly lost = new LostCommits();

  constructor(
    private readonly nameOf: (gid: string) => string,
    private readonly report: (violation: Violation) => void,
    clock: CheckClock,
  ) {
    this.led = new LedCheck(nameOf, report, clock);
  }

  get gids(): readonly string[] {
    return [...this.transactions.keys()].filter((gid) => !this.lost.isGone(gid));
  }

  rowOf(gid: string): StoredRow | undefined {
    return this.lost.isGone(gid) ? undefined : this.transactions.get(gid)?.row;
  }

  /** Returns the branches of a transaction that goes by a plan. */
  stepsOf(gid: string): readonly string[] {
    return this.transactions.get(gid)?.plan.steps.map(({ branchId }) => branchId) ?? [];
  }

  /** A row of the log has been written by an instance. */
  rowWritten(row: StoredRow, writer: string): void {
    const bad = BAD_NAMES.get(row.name);
    if (bad !== undefined && !(bad === 'S11' && this.hasLostKeys)) {
      this.broken(bad, row.gid, 'a request that must be refused is in the log');
    }
    const known = this.transactions.get(row.gid);
    if (row.kind === 'led') {
      this.led.rowWritten(row, known?.row);
    }
    if (known === undefined) {
      this.add(row);
      return;
    }
    const before = known.row;
    known.row = row;
    if (this.lost.isGone(row.gid)) {
      this.lost.written(row.gid);
      return;
    }
    this.checkTransition(before, row, writer);
    if (row.kind !== 'led') {
      this.checkDecision(known);
    }
  }

  /** The log goes on without its last commits: with rows as they had been, and without what was inserted. */
  failedOver(rows: readonly StoredRow[], inserted: ReadonlySet<string>): void {
    const copies = new Map(rows.map((row) => [row.gid, row]));
    const facts = [...copies.keys(), ...inserted].flatMap((gid) => this.transactions.get(gid) ?? []);
    this.led.failedOver(copies, inserted);
    for (const transaction of facts.filter(({ row }) => row.kind !== 'led')) {
      this.lost.lose(transaction.row, copies.get(transaction.row.gid), transaction.plan);
    }
    for (const transaction of facts) {
      transaction.row = copies.get(transaction.row.gid) ?? transaction.row;
    }
  }

  /** Whether what the log has lost may contradict what was written since: then it is stuck, for people to see. */
  mayContradict(gid: string): boolean {
    return this.led.mayContradict(gid) || this.excuses('L1', gid);
  }

  /** Whether the log has lost idempotency keys: what was theirs is anybody's again. */
  get hasLostKeys(): boolean {
    return this.lost.hasLostKeys;
  }

  /** Whether a promise may be broken of a transaction, for the log has lost what was committed of it. */
  excuses(promise: PromiseId, gid: string): boolean {
    return this.lost.excuses(promise, gid);
  }

  /** A participant's database has committed. */
  committed({ rows, removed, entries }: MemoryCommit): void {
    for (const row of removed.filter(({ gid }) => this.led.story.has(gid))) {
      this.led.removed(row);
    }
    // A transaction of a database is about one branch.
    const [first] = [...rows, ...(entries as unknown as readonly Effect[])];
    if (this.led.story.has(first?.gid ?? '')) {
      this.led.committed({ rows, entries });
      return;
    }
    for (const entry of entries as unknown as readonly Effect[]) {
      this.effected(entry);
    }
    for (const { gid, branchId, columns } of rows) {
      const facts = this.branch(gid, branchId);
      if (facts === undefined) {
        continue;
      }
      facts.isUndoRefused = (columns['undo_refusal'] ?? null) !== null;
      if (columns['state'] === 'undone' && !facts.isUndone) {
        facts.isUndone = true;
        this.checkUndo(gid, branchId);
      }
    }
  }

  /** The effect of an action or of its undo is there. */
  effected({ gid, branchId, op }: Effect): void {
    const facts = this.branch(gid, branchId);
    const transaction = this.transactions.get(gid);
    if (facts === undefined || transaction === undefined) {
      this.broken('S8', gid, `branch ${branchId} took effect, and the log does not know the transaction`);
      return;
    }
    if (op === 'action') {
      facts.effectCount += 1;
      if (facts.effectCount > 1) {
        this.broken('S4', gid, `the action of ${branchId} took effect twice`);
      }
      if (facts.isUndone) {
        this.broken('S5', gid, `the action of ${branchId} took effect after its undo`);
      }
      this.checkOrder(transaction, branchId);
      this.checkPivot(transaction);
    } else {
      facts.undoCount += 1;
      if (facts.effectCount !== 1) {
        this.broken('S7', gid, `${branchId} was undone though it had no effect`);
      }
      if (facts.undoCount > 1) {
        this.broken('S4', gid, `${branchId} was undone twice`);
      }
    }
  }

  /** A plain endpoint has stored an undo. */
  undone(gid: string, branchId: string): void {
    const facts = this.branch(gid, branchId);
    if (facts !== undefined && !facts.isUndone) {
      facts.isUndone = true;
      this.checkUndo(gid, branchId);
    }
  }

  /** Everything is quiet: what has ended must be all done, or all amended. */
  checkEnd(gid: string): void {
    if (this.led.story.has(gid)) {
      this.led.checkEnd(gid);
      return;
    }
    const transaction = this.transactions.get(gid);
    if (transaction?.row.finishedAt === undefined) {
      return;
    }
    const isCommitted = transaction.row.state === 'committed';
    for (const step of transaction.plan.steps) {
      const { effectCount, undoCount, isUndoRefused } = this.facts(transaction, step.branchId);
      const skipped = skippedOp(transaction.row, step.branchId);
      const inForce = effectCount - undoCount;
      if (isCommitted && (undoCount > 0 || !isLegalCount(step, inForce, skipped))) {
        const found = `${effectCount} effects, ${undoCount} undone`;
        this.broken('SA1', gid, `it committed, and ${step.branchId} has ${found}`);
      }
      if (!isCommitted && skipped !== 'compensate' && inForce !== 0) {
        const promise = isUndoRefused ? 'SA4' : 'SA1';
        this.broken(promise, gid, `it aborted, and the effect of ${step.branchId} is still there`);
      }
    }
  }

  private checkTransition(before: StoredRow, row: StoredRow, writer: string): void {
    const step = `${before.state} v${before.version} became ${row.state} v${row.version}`;
    if (before.finishedAt !== undefined) {
      this.broken('S2', row.gid, `what had ended was written again: ${step}`);
    }
    if (row.version < before.version) {
      this.broken('S9', row.gid, `a version went back: ${step}`);
    }
    const [was, is] = [outcomeOf(before.state), outcomeOf(row.state)];
    if (was !== 'undecided' && was !== is) {
      this.report(new Violation('S1', this.nameOf(row.gid), `the decision changed: ${step}`));
    }
    if (before.owner !== writer && !isTakeover(before, row)) {
      const what = `${writer} wrote what belonged to ${before.owner ?? 'nobody'}: ${step}`;
      this.report(new Violation('S9', this.nameOf(row.gid), what));
    }
  }

  private add(row: StoredRow): void {
    const { plan } = row.plan as unknown as { plan?: Plan };
    if (plan === undefined) {
      return;
    }
    const dependents = new Map(
      plan.steps.map(({ branchId }) => [branchId, dependentsOf(plan.steps, branchId)] as const),
    );
    this.transactions.set(row.gid, { row, plan, dependents, branches: new Map() });
  }

  private checkDecision(transaction: TransactionFacts): void {
    const { row, plan } = transaction;
    const outcome = outcomeOf(row.state);
    for (const { branchId, pivot } of plan.steps) {
      const { isUndone, effectCount } = this.facts(transaction, branchId);
      if (outcome === 'committed' && isUndone) {
        this.broken('S1', row.gid, `it was decided to commit, and ${branchId} was undone`);
      }
      if (pivot && effectCount > 0) {
        if (outcome === 'aborted') {
          this.broken('SA5', row.gid, `it was decided to abort after the pivot ${branchId} was done`);
        }
      }
    }
  }

  private checkUndo(gid: string, branchId: string): void {
    const transaction = this.transactions.get(gid);
    if (transaction === undefined) {
      return;
    }
    const { row, dependents } = transaction;
    if (outcomeOf(row.state) !== 'aborted') {
      this.broken('S1', gid, `${branchId} was undone while the log said ${row.state}`);
    }
    this.checkPivot(transaction);
    for (const dependent of dependents.get(branchId) ?? []) {
      const facts = this.facts(transaction, dependent);
      const isInForce = facts.effectCount > 0 && !facts.isUndone && !wasSkipped(row, dependent);
      if (isInForce) {
        this.broken('SA2', gid, `${branchId} was undone before ${dependent}, which depends on it`);
      }
    }
  }

  private checkOrder(transaction: TransactionFacts, branchId: string): void {
    const step = transaction.plan.steps.find((one) => one.branchId === branchId);
    for (const before of step?.after ?? []) {
      const { effectCount } = this.facts(transaction, before);
      const isDone = effectCount > 0 || skippedOp(transaction.row, before) !== undefined;
      if (!isDone) {
        this.broken('SA2', transaction.row.gid, `${branchId} ran before ${before}, which it comes after`);
      }
    }
  }

  private checkPivot(transaction: TransactionFacts): void {
    const pivot = transaction.plan.steps.find((step) => step.pivot);
    if (pivot === undefined || this.facts(transaction, pivot.branchId).effectCount === 0) {
      return;
    }
    for (const [branchId, { isUndone }] of transaction.branches) {
      if (isUndone) {
        this.broken(
          'SA5',
          transaction.row.gid,
          `${branchId} is undone and the pivot ${pivot.branchId} is done`,
        );
      }
    }
  }

  private branch(gid: string, branchId: string): BranchFacts | undefined {
    const transaction = this.transactions.get(gid);
    return transaction && this.facts(transaction, branchId);
  }

  private facts(transaction: TransactionFacts, branchId: string): BranchFacts {
    const known = transaction.branches.get(branchId);
    if (known !== undefined) {
      return known;
    }
    const fresh = { effectCount: 0, undoCount: 0, isUndone: false, isUndoRefused: false };
    transaction.branches.set(branchId, fresh);
    return fresh;
  }

  private broken(promise: PromiseId, gid: string, what: string): void {
    if (this.excuses(promise, gid)) {
      return;
    }
    this.report(new Violation(promise, this.nameOf(gid), what));
  }
}

/** To take a row over leaves everything else as it was. */
export function isTakeover(before: StoredRow, row: StoredRow): boolean {
  return before.state === row.state && JSON.stringify(before.progress) === JSON.stringify(row.progress);
}

type SkippedOp = NonNullable<Branch['skip']>['op'] | undefined;

/** What an operator has skipped never took effect; without a barrier nobody can be sure. */
function isLegalCount({ hasBarrier }: PlanStep, inForce: number, skipped: SkippedOp): boolean {
  return skipped === 'action' ? inForce === 0 || !hasBarrier : inForce === 1;
}

/** Returns what an operator has skipped of a branch, as the row tells. */
function skippedOp(row: StoredRow, branchId: string): SkippedOp {
  const { branches } = row.progress as unknown as { branches: readonly Branch[] };
  return branches.find((branch) => branch.branchId === branchId)?.skip?.op;
}

/** Tells whether an operator has ever skipped a branch: who waits for it may go on from then, though he takes it back. */
function wasSkipped(row: StoredRow, branchId: string): boolean {
  const { history } = row.progress as unknown as Pick<Saga, 'history'>;
  return history.some((entry) => entry.what === 'operator-skip' && entry.branchId === branchId);
}

function dependentsOf(steps: readonly PlanStep[], branchId: string): string[] {
  const direct = steps.filter((step) => step.after.includes(branchId)).map((step) => step.branchId);
  return [...new Set(direct.flatMap((name) => [name, ...dependentsOf(steps, name)]))];
}
