import { middleRate } from '../middle.rate.js';
import type { Verdict } from '../promise.check.js';
import type { Way } from './fleet.js';
import type { Takeover } from './takeover.js';
import type { CoordinatorsTurn } from './two.coordinators.js';

/** What two coordinators on the cores of one must have of its rate. */
const SHARE_MIN = 0.85;

/** Within this time everything that a killed coordinator had under way must have ended. */
const TAKEOVER_MS_MAX = 10_000;

/** What the check needs of a turn. */
export type CheckedTurn = Pick<CoordinatorsTurn, 'way' | 'coordinatorCount' | 'count' | 'seconds'>;

/** Returns the rate of two coordinators by that of one, each that of its middle turn, by way. */
export function sharesOfTwo(turns: readonly CheckedTurn[]): ReadonlyMap<Way, number> {
  const ways = [...new Set(turns.map(({ way }) => way))];
  return new Map(
    ways.map((way) => {
      const rateOf = (coordinatorCount: number): number =>
        middleRate(turns.filter((turn) => turn.way === way && turn.coordinatorCount === coordinatorCount));
      return [way, rateOf(2) / rateOf(1)];
    }),
  );
}

/** Returns whether a second coordinator costs no more than is promised. */
export function coordinatorsVerdicts(turns: readonly CheckedTurn[]): readonly Verdict[] {
  return [...sharesOfTwo(turns)].map(([way, share]) =>
    verdict(
      share >= SHARE_MIN,
      `coordinators over ${way}: two have ${share.toFixed(2)} times the rate of one; at least ${SHARE_MIN} are promised`,
    ),
  );
}

/** Returns whether each kill was over in time. One by which nothing was interrupted proves nothing. */
export function takeoverVerdicts(takeovers: readonly Takeover[]): readonly Verdict[] {
  return takeovers.map(({ way, endedAfterMs }) => {
    const last = endedAfterMs.at(-1) ?? Number.NaN;
    return verdict(
      last <= TAKEOVER_MS_MAX,
      `takeover over ${way}: the last of ${endedAfterMs.length} transactions had ended ${seconds(last)} after the kill; ` +
        `at most ${seconds(TAKEOVER_MS_MAX)} are promised`,
    );
  });
}

function verdict(isGood: boolean, said: string): Verdict {
  return { isGood, line: `${isGood ? 'Good' : 'Not good'}: ${said}.` };
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
