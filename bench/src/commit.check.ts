/** What a stretch of load cost. */
export interface Stretch {
  readonly inFlight: number;
  readonly commitsPerTransaction: number;
}

/** Under this load writes must share their commits. */
export const CHECKED_IN_FLIGHT = 256;

const COMMITS_PER_TRANSACTION_MAX = 0.1;

export interface Verdict {
  readonly isGood: boolean;
  readonly line: string;
}

/** Returns whether writes share their commits as promised, or undefined if that load was not measured. */
export function commitVerdict(stretches: readonly Stretch[]): Verdict | undefined {
  const checked = stretches.find(({ inFlight }) => inFlight === CHECKED_IN_FLIGHT);
  if (checked === undefined) {
    return undefined;
  }
  const isGood = checked.commitsPerTransaction <= COMMITS_PER_TRANSACTION_MAX;
  const measured = `${checked.commitsPerTransaction.toFixed(3)} commits per transaction with ${CHECKED_IN_FLIGHT} in flight`;
  const promise = `at most ${COMMITS_PER_TRANSACTION_MAX} are promised`;
  return { isGood, line: `${isGood ? 'Good' : 'Not good'}: ${measured}; ${promise}.` };
}
