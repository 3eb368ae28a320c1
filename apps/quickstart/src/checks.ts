import type { Check } from './example.js';

/** Returns a check that holds when there are no violations. */
export function yesOrNo(label: string, violations: readonly string[]): Check {
  const holds = violations.length === 0;
  return { label, value: holds ? 'yes' : 'no', holds, violations };
}

/** Returns how often each reason is there, in alphabetical order. */
export function countEach(reasons: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const reason of reasons.toSorted()) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}
