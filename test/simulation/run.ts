import { setFailpointHook } from '@atone/core';
import type { Ledger } from './check/led.facts.js';
import { LivenessCheck } from './check/liveness.check.js';
import { Violation, type PromiseId } from './check/violation.js';
import { guarded } from './guard/guarded.js';
import { planImmediates } from './guard/immediates.js';
import { Draws } from './plan/draws.js';
import { Fates } from './plan/fates.js';
import type { PointFault } from './plan/fault.js';
import type { SimulationPlan } from './plan/simulation.plan.js';
import { strikeAt } from './world/nemesis.js';
import { plantStrangeRows } from './world/strange.rows.js';
import { World } from './world/world.js';

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  /** Absent when every promise was kept. */
  readonly failure?: RunFailure | undefined;
  /** The point faults that struck. With them the plan no longer needs the seed to decide. */
  readonly struck: readonly PointFault[];
  readonly eventCount: number;
  readonly simulatedMs: number;
  readonly transactionCount: number;
  /** What became of the transactions that code led. */
  readonly ledgers: readonly Ledger[];
  readonly endedCount: { readonly committed: number; readonly aborted: number };
}

export interface RunFailure {
  /** The promise that was broken, or `error` for anything else that was thrown. */
  readonly promise: PromiseId | 'error';
  readonly transaction: string | undefined;
  readonly message: string;
}

/** How often each failpoint was passed, in all runs of this process. */
export const reachedCounts = new Map<string, number>();

/** Runs a plan to its end: first with faults, then without, until all is quiet. */
export async function simulate(plan: SimulationPlan, trace?: string[]): Promise<RunResult> {
  const draws = new Draws(plan.seed);
  const fates = new Fates(draws, plan.options, plan.points);
  const world = new World(plan, { draws, fates }, trace);
  fates.whenStruck = world.isTraced
    ? ({ kind, point }) => {
        world.trace('fault', `${kind} at ${point}`);
      }
    : undefined;
  await guarded(
    (error) => {
      world.report(error);
    },
    async () => {
      const { stackTraceLimit } = Error;
      // Outages are errors by the thousand, and a run that fails is run again with its trace.
      Error.stackTraceLimit = world.isTraced ? stackTraceLimit : 0;
      setFailpointHook((name) => passFailpoint(world, name));
      const backToReal = planImmediates((run) => planSoon(world, run));
      try {
        await live(world, plan);
      } finally {
        setFailpointHook(undefined);
        backToReal();
        Error.stackTraceLimit = stackTraceLimit;
      }
    },
  );
  return resultOf(world, plan.seed);
}

function passFailpoint(world: World, name: string): void | Promise<void> {
  reachedCounts.set(name, (reachedCounts.get(name) ?? 0) + 1);
  const life = world.running;
  return life === undefined ? undefined : life.process.passFailpoint(life, name);
}

/** What code wants to do a little later is an event of its own. */
function planSoon(world: World, run: () => void): void {
  if (world.running === undefined) {
    throw new Error('Something plans to go on that is no process.');
  }
  world.running.after(0, run);
}

async function live(world: World, plan: SimulationPlan): Promise<void> {
  const { scheduler, options } = world;
  await world.register();
  if (options.hasStrangeRows) {
    plantStrangeRows(world);
  }
  for (const process of world.processes) {
    process.start();
  }
  for (const client of world.clients) {
    client.begin();
  }
  for (const fault of plan.timed) {
    if (fault.kind === 'night') {
      world.nights.expect();
    }
    scheduler.at(fault.atMs, () => {
      world.trace('fault', fault.kind);
      strikeAt(world, fault);
    });
  }
  await scheduler.runUntil(() => world.failure !== undefined || scheduler.nowMs >= options.faultMs);
  if (world.failure === undefined) {
    await new LivenessCheck(world).run();
  }
}

function resultOf(world: World, seed: number): RunResult {
  const rows = world.safety.gids.map((gid) => world.safety.rowOf(gid));
  const count = (state: string): number => rows.filter((row) => row?.state === state).length;
  return {
    seed,
    failure: world.failure === undefined ? undefined : failureOf(world.failure),
    struck: world.fates.struck,
    eventCount: world.scheduler.eventCount,
    simulatedMs: world.scheduler.nowMs,
    transactionCount: rows.length,
    ledgers: world.safety.led.story.gids.map((gid) => world.safety.led.ledgerOf(gid)),
    endedCount: { committed: count('committed'), aborted: count('aborted') },
  };
}

function failureOf(failure: unknown): RunFailure {
  if (failure instanceof Violation) {
    return { promise: failure.promise, transaction: failure.transaction, message: failure.message };
  }
  const message = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  return { promise: 'error', transaction: undefined, message };
}
