import type { Outcome } from '@atone/core';
import type { Told } from './led.story.js';

/** What is known of a branch of a led transaction from its participant's database alone. */
export interface LedBranchFacts {
  /** What the run bears that took effect. */
  effect?: string | undefined;
  effectCount: number;
  confirmCount: number;
  undoCount: number;
  state: string;
  /** Whether its participant has answered that it is undone. */
  isToldUndone: boolean;
  /** Whether its participant is going to ask about it. */
  isInDoubt: boolean;
  /** The deadline, by the clock of its database. */
  deadlineAt?: number | undefined;
  /** The life of the log in which its transaction began, as its call has told. */
  epoch?: number | undefined;
}

/** A transaction at its end: what the code that called was told, and what the databases hold. */
export interface Ledger {
  readonly name: string;
  /** By the log. */
  readonly outcome: Outcome;
  readonly told: readonly Told[];
  /** The effects whose call, and every call above it, returned. */
  readonly kept: readonly string[];
  /** The branches that took effect. */
  readonly entries: readonly Readonly<LedBranchFacts>[];
}

/** Keeps what is known of all branches of led transactions. */
export class LedFactsBook implements Iterable<readonly [string, ReadonlyMap<string, LedBranchFacts>]> {
  private readonly branches = new Map<string, Map<string, LedBranchFacts>>();

  [Symbol.iterator](): Iterator<readonly [string, ReadonlyMap<string, LedBranchFacts>]> {
    return this.branches[Symbol.iterator]();
  }

  branchesOf(gid: string): ReadonlyMap<string, LedBranchFacts> {
    return this.branches.get(gid) ?? new Map<string, LedBranchFacts>();
  }

  /** Returns what is known of a branch, to be changed as more becomes known. */
  of(gid: string, branchId: string): LedBranchFacts {
    const branches = this.branches.get(gid) ?? new Map<string, LedBranchFacts>();
    this.branches.set(gid, branches);
    const facts = branches.get(branchId) ?? {
      effectCount: 0,
      confirmCount: 0,
      undoCount: 0,
      state: 'none',
      isToldUndone: false,
      isInDoubt: false,
    };
    branches.set(branchId, facts);
    return facts;
  }
}
