import { middleRate } from '../middle.rate.js';
import type { Verdict } from '../promise.check.js';
import type { ComparedStretch } from './comparison.js';
import type { ContenderName } from './contender.js';

/** Under each of these loads the coordinator must keep up with the prototype. */
export const COMPARED_IN_FLIGHTS: readonly number[] = [64, 256, 1_024];

/** What the coordinator must have of the prototype's rate. */
const SHARE_MIN = 0.8;

/** What one library came to with so many in flight. */
export interface Comparison {
  readonly library: string;
  readonly inFlight: number;
  /** The coordinator's rate by the prototype's, each that of its middle turn. */
  readonly share: number;
}

/** What a comparison needs of a stretch. */
export type RatedStretch = Pick<ComparedStretch, 'library' | 'name' | 'inFlight'> & {
  readonly stretch: { readonly load: { readonly count: number }; readonly seconds: number };
};

/** Returns how the coordinator compares with the prototype, by library and load. */
export function comparisonsOf(stretches: readonly RatedStretch[]): readonly Comparison[] {
  const shapes = new Map(
    stretches.map(({ library, inFlight }) => [`${library} ${inFlight}`, { library, inFlight }]),
  );
  return [...shapes.values()].map((shape) => {
    const alike = stretches.filter(
      ({ library, inFlight }) => library === shape.library && inFlight === shape.inFlight,
    );
    return { ...shape, share: rateOf(alike, 'atone') / rateOf(alike, 'prototype') };
  });
}

/** Returns whether the coordinator keeps up, where that is promised. */
export function comparisonVerdicts(comparisons: readonly Comparison[]): readonly Verdict[] {
  return comparisons
    .filter(({ inFlight }) => COMPARED_IN_FLIGHTS.includes(inFlight))
    .map(({ library, inFlight, share }) => {
      const isGood = share >= SHARE_MIN;
      const measured = `${percent(share)} of the prototype's rate with ${inFlight} in flight`;
      return {
        isGood,
        line: `${isGood ? 'Good' : 'Not good'}: kafka by ${library}: ${measured}; at least ${percent(SHARE_MIN)} are promised.`,
      };
    });
}

function rateOf(stretches: readonly RatedStretch[], name: ContenderName): number {
  const turns = stretches.filter((one) => one.name === name);
  return middleRate(turns.map(({ stretch: { load, seconds } }) => ({ count: load.count, seconds })));
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
