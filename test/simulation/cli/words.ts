import type { Counts } from '../volume/tally.js';

const UNITS = [
  { name: 'days', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1_000 },
] as const;

export function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** Says a time in the largest unit that it has two of. */
export function timeInWords(ms: number): string {
  const unit = UNITS.find((each) => ms >= 2 * each.ms) ?? UNITS[3];
  return `${(ms / unit.ms).toFixed(1)} ${unit.name}`;
}

/** Says the largest counts first, and leaves out all but `max` of them. */
export function countsInWords(counts: Counts, max = Number.POSITIVE_INFINITY): string {
  return byCount(counts)
    .slice(0, max)
    .map(([name, count]) => `${name} ${whole(count)}`)
    .join(', ');
}

export function byCount(counts: Counts): [string, number][] {
  return Object.entries(counts).toSorted(
    ([name, count], [otherName, other]) => other - count || name.localeCompare(otherName),
  );
}
