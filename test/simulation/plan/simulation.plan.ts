import { Draws } from './draws.js';
import { TIMED_FAULTS, type PointFault, type TimedFault } from './fault.js';
import { drawLed, type LedSpec } from './led.draw.js';
import { drawOptions, type SimulationMode, type SimulationOptions } from './options.js';
import { drawTransaction, type TransactionSpec } from './transaction.draw.js';

/** All that a run is made of. The seed alone gives one; what a run has shown can be written down and made smaller. */
export interface SimulationPlan {
  /** Still gives the latencies and other choices that are no faults. */
  readonly seed: number;
  readonly options: SimulationOptions;
  readonly transactions: readonly TransactionSpec[];
  /** Transactions that code leads; absent in plans from before there were any. */
  readonly led?: readonly LedSpec[] | undefined;
  readonly timed: readonly TimedFault[];
  /** Absent: the seed decides at each place. */
  readonly points?: readonly PointFault[] | undefined;
}

const RARE: ReadonlySet<string> = new Set(['night', 'failover']);

/** Returns the plan of a seed. */
export function planOfSeed(seed: number, mode?: SimulationMode): SimulationPlan {
  const options = drawOptions(seed, mode);
  const draws = new Draws(seed);
  return {
    seed,
    options,
    transactions: Array.from({ length: options.transactionCount }, (_, index) =>
      drawTransaction(index, options, draws),
    ),
    led: Array.from({ length: options.ledCount }, (_, index) => drawLed(index, options, draws)),
    timed: [
      ...drawTimedFaults(options, draws),
      // Only of what code leads does the log forget anything.
      ...(options.ledCount === 0 ? [] : drawRare('night', options, draws)),
      ...drawRare('failover', options, draws),
    ],
  };
}

function drawRare(
  kind: 'night' | 'failover',
  { kinds, faultMs }: SimulationOptions,
  draws: Draws,
): TimedFault[] {
  if (!kinds.includes(kind)) {
    return [];
  }
  return Array.from({ length: draws.pick(`${kind}s`, [1, 1, 2]) }, () => ({
    kind,
    atMs: draws.scale(`${kind}/at`, 200, faultMs - 1),
    forMs: 0,
    choice: draws.next(`${kind}/choice`),
    otherChoice: draws.next(`${kind}/other`),
  }));
}

function drawTimedFaults(options: SimulationOptions, draws: Draws): TimedFault[] {
  const kinds = TIMED_FAULTS.filter((kind) => !RARE.has(kind) && options.kinds.includes(kind));
  if (kinds.length === 0) {
    return [];
  }
  const count = Math.round(draws.integer('timed/count', 0, 8) * Math.min(1, options.rate));
  // Operators act more often than things break: what they can do is more, and refused more often.
  const actCount = kinds.includes('operator') ? draws.integer('timed/acts', 0, 10) : 0;
  return Array.from({ length: count + actCount }, (_, index) => ({
    kind: index < count ? draws.pick('timed/kind', kinds) : 'operator',
    atMs: draws.integer('timed/at', 0, options.faultMs),
    forMs: draws.scale('timed/for', 20, 10_000),
    choice: draws.next('timed/choice'),
    otherChoice: draws.next('timed/other'),
  }));
}
