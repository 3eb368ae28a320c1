import type { Json } from '../json.js';
import type { Plan, PlanStep } from '../plan.js';
import type { Random } from '../random.js';
import type { RetryPolicy } from '../retry.js';

/** A policy whose pauses are easy to count with. */
const TEST_RETRY: RetryPolicy = {
  attemptCountMax: 3,
  undoAttemptCountMax: 3,
  initialMs: 1000,
  capMs: 8000,
  replyTimeoutMs: 10_000,
};

/** Returns a step with a barrier and a compensation that starts at once, unless `change` says otherwise. */
export function step(branchId: string, change: Partial<PlanStep> = {}): PlanStep {
  return {
    branchId,
    service: `${branchId}-service`,
    action: 'do',
    input: null,
    after: [],
    pivot: false,
    onRefusal: 'abort',
    hasBarrier: true,
    canUndo: true,
    ...change,
  };
}

/** Returns a plan of `steps` as they are. */
export function planOf(...steps: readonly PlanStep[]): Plan {
  return { name: 'test', input: null as Json, steps, retry: TEST_RETRY };
}

/** Returns a plan whose steps follow one another. */
export function serialPlan(...steps: readonly PlanStep[]): Plan {
  return planOf(
    ...steps.map((each, position) => {
      const before = steps[position - 1];
      return before === undefined ? each : { ...each, after: [before.branchId] };
    }),
  );
}

/** Returns dice that always show `value`; 1 makes every pause as long as it can be. */
export function fixedRandom(value: number): Random {
  return { next: () => value, bytes: (count) => new Uint8Array(count).fill(Math.floor(value * 255)) };
}

/** Returns dice that roll differently for each `seed`, and always the same for one (Vigna's splitmix, 32 bits). */
export function seededRandom(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  return { next, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) };
}
