import { reachedCounts, type RunFailure, type RunResult } from '../run.js';
import type { SimulationPlan } from '../plan/simulation.plan.js';

/** How often each of some names came up. */
export type Counts = Readonly<Record<string, number>>;

export interface FailedSeed {
  readonly seed: number;
  readonly failure: RunFailure;
}

/** What many runs add up to. */
export interface Tally {
  readonly runCount: number;
  readonly eventCount: number;
  readonly simulatedMs: number;
  readonly transactionCount: number;
  readonly committedCount: number;
  readonly abortedCount: number;
  readonly faults: Counts;
  readonly failpoints: Counts;
  readonly failed: readonly FailedSeed[];
}

export const EMPTY_TALLY: Tally = {
  runCount: 0,
  eventCount: 0,
  simulatedMs: 0,
  transactionCount: 0,
  committedCount: 0,
  abortedCount: 0,
  faults: {},
  failpoints: {},
  failed: [],
};

/** Returns what one run adds, with the failpoints that were passed since this was asked last. */
export function tallyOf(plan: SimulationPlan, result: RunResult): Tally {
  const timed = plan.timed.filter(({ atMs }) => atMs <= result.simulatedMs);
  const failpoints = Object.fromEntries(reachedCounts);
  reachedCounts.clear();
  return {
    runCount: 1,
    eventCount: result.eventCount,
    simulatedMs: result.simulatedMs,
    transactionCount: result.transactionCount,
    committedCount: result.endedCount.committed,
    abortedCount: result.endedCount.aborted,
    faults: countsOf([...timed, ...result.struck].map(({ kind }) => kind)),
    failpoints,
    failed: result.failure === undefined ? [] : [{ seed: result.seed, failure: result.failure }],
  };
}

/** Adds two tallies up. What failed stays in the order of the seeds. */
export function sumOf(left: Tally, right: Tally): Tally {
  return {
    runCount: left.runCount + right.runCount,
    eventCount: left.eventCount + right.eventCount,
    simulatedMs: left.simulatedMs + right.simulatedMs,
    transactionCount: left.transactionCount + right.transactionCount,
    committedCount: left.committedCount + right.committedCount,
    abortedCount: left.abortedCount + right.abortedCount,
    faults: sumOfCounts(left.faults, right.faults),
    failpoints: sumOfCounts(left.failpoints, right.failpoints),
    failed: [...left.failed, ...right.failed].toSorted((one, other) => one.seed - other.seed),
  };
}

function countsOf(names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const name of names) {
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function sumOfCounts(left: Counts, right: Counts): Counts {
  const sum: Record<string, number> = { ...left };
  for (const [name, count] of Object.entries(right)) {
    sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}
