/** A turn, as far as its rate is concerned. */
export interface RatedTurn {
  readonly count: number;
  readonly seconds: number;
}

/** Returns the rate of the middle one of the turns: what else the machine did in one of them does not count. NaN where there is none. */
export function middleRate(turns: readonly RatedTurn[]): number {
  const rates = turns.map(({ count, seconds }) => count / seconds).toSorted((left, right) => left - right);
  return rates[Math.floor(rates.length / 2)] ?? Number.NaN;
}
