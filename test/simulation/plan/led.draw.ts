import type { Draws } from './draws.js';
import type { SimulationOptions } from './options.js';
import { serviceName } from './transaction.draw.js';

/** The service whose processes lead transactions. It has actions of its own. */
export const OFFICE = 'office';

/** Every service that keeps a barrier offers these to led transactions: `hold` is a try, `charge` takes effect at once. */
export const LED_ACTIONS = { try: 'hold', saga: 'charge' } as const;

/** A transaction that code is going to lead. */
export interface LedSpec {
  /** Its name in traces. */
  readonly name: string;
  readonly atMs: number;
  readonly timeoutMs: number;
  /** For how long a call of unknown outcome is made again. */
  readonly patienceMs: number;
  readonly wait: 'decided' | 'confirmed';
  readonly work: LedWork;
  /** How its method ends, if its calls let it come so far. */
  readonly ends: 'returns' | 'throws' | 'throws-and-commits' | 'marks-for-abort';
}

/** What code does that calls others: the steps come one after the other. */
export type LedWork = readonly LedStep[];

/** Calls that are made at once. */
export interface LedStep {
  readonly calls: readonly LedCall[];
  /** Whether all calls are awaited, even if one of them has thrown. */
  readonly isPatient: boolean;
  /** Whether the code goes on when it throws. */
  readonly isCaught: boolean;
  /** The transaction in which the calls are made, if not simply the one around them. */
  readonly scope?: 'NESTED' | 'REQUIRED' | 'REQUIRES_NEW' | undefined;
}

/** A call, and what the code that is called calls itself. */
export interface LedCall {
  /** A path: the first call of the second call of `led0` is `led0.2.1`. */
  readonly name: string;
  readonly service: string;
  readonly action: (typeof LED_ACTIONS)[keyof typeof LED_ACTIONS];
  readonly timeoutMs?: number | undefined;
  readonly below: LedWork;
}

const DEPTH_MAX = 4;

/** How often a call at a depth calls others, by the depth. */
const BELOW_SHARES = [1, 0.4, 0.3, 0.3];

/** Draws a tree of calls: one after the other, or at once; caught, or not; in parts of their own, or not. */
export function drawLed(index: number, options: SimulationOptions, draws: Draws): LedSpec {
  const name = `led${index}`;
  const own = (what: string): string => `${name}/${what}`;
  return {
    name,
    atMs: draws.integer(own('at'), 50, Math.min(options.faultMs, 3_000)),
    timeoutMs: draws.scale(own('timeout'), 150, draws.pick(own('timeout-max'), [2_000, 10_000])),
    patienceMs: draws.scale(own('patience'), 100, 5_000),
    wait: draws.pick(own('wait'), ['decided', 'decided', 'confirmed']),
    work: drawWork({ name, depth: 0 }, options, draws),
    ends: draws.chance(own('returns'), 0.8)
      ? 'returns'
      : draws.pick(own('ends'), ['throws', 'throws-and-commits', 'marks-for-abort']),
  };
}

interface Place {
  readonly name: string;
  readonly depth: number;
}

function drawWork({ name, depth }: Place, options: SimulationOptions, draws: Draws): LedWork {
  const own = (what: string): string => `${name}/${what}`;
  const share = depth >= DEPTH_MAX ? 0 : (BELOW_SHARES[depth] ?? 0);
  if (!draws.chance(own('calls'), share)) {
    return [];
  }
  let callCount = 0;
  return Array.from({ length: draws.pick(own('steps'), depth === 0 ? [1, 2, 3] : [1, 1, 2]) }, () => {
    const parallel = draws.pick(own('parallel'), [1, 1, 1, 2, 3]);
    const calls = Array.from({ length: parallel }, () => {
      callCount += 1;
      return drawCall({ name: `${name}.${callCount}`, depth: depth + 1 }, options, draws);
    });
    return {
      calls,
      isPatient: draws.chance(own('patient'), 0.6),
      isCaught: draws.chance(own('caught'), 0.3),
      scope: drawScope(own('scope'), depth, draws),
    };
  });
}

function drawScope(subject: string, depth: number, draws: Draws): LedStep['scope'] {
  if (draws.chance(subject, 0.75)) {
    return undefined;
  }
  return draws.pick(
    `${subject} kind`,
    depth === 0 ? ['NESTED', 'NESTED', 'REQUIRED', 'REQUIRES_NEW'] : ['NESTED'],
  );
}

function drawCall(place: Place, options: SimulationOptions, draws: Draws): LedCall {
  const { name, depth } = place;
  const own = (what: string): string => `${name}/${what}`;
  const { serviceCount, plainCount } = options;
  const isLocal = plainCount >= serviceCount || (depth === 1 && draws.chance(own('local'), 0.2));
  const service = isLocal ? OFFICE : serviceName(draws.integer(own('service'), plainCount, serviceCount - 1));
  const isPlain = plainCount > 0 && draws.chance(own('plain'), 0.3);
  return {
    name,
    service: isPlain ? serviceName(draws.integer(own('plain service'), 0, plainCount - 1)) : service,
    action: draws.pick(own('action'), Object.values(LED_ACTIONS)),
    timeoutMs: draws.chance(own('limited'), 0.2) ? draws.scale(own('limit'), 10, 1_000) : undefined,
    // Without the library it has no context to call others with.
    below: isPlain ? [] : drawWork(place, options, draws),
  };
}
