import type { Findings, NewTrip } from '@atone/example-travel-booking';
import { countEach, yesOrNo } from '../checks.js';
import type { Check, Ended, Standing } from '../example.js';
import { tripKey } from './trip.request.js';

/** A trip as the bookings service knows it. */
export interface TripRow {
  readonly tripNo: number;
  readonly gid: string;
  readonly state: 'pending' | 'booked' | 'refused';
  /** Why it goes without the car that was wanted. */
  readonly carRefusal: string | null;
  /** Why it was refused. */
  readonly reason: string | null;
}

/** Returns the trips that have not ended. Who is pending is asked for again: its number keeps it from being booked twice. */
export function openTrips(trips: readonly NewTrip[], rows: readonly TripRow[]): NewTrip[] {
  const ended = new Set(rows.filter(({ state }) => state !== 'pending').map(({ tripNo }) => tripNo));
  return trips.filter(({ tripNo }) => !ended.has(tripNo));
}

export interface StandingFacts {
  readonly totalCount: number;
  readonly rows: readonly TripRow[];
  /** What ended in this run. */
  readonly ended: readonly Ended[];
  readonly findings: Findings;
}

/** Returns how things stand at the agency. */
export function standingOf({ totalCount, rows: allRows, ended, findings }: StandingFacts): Standing {
  // People may have booked trips of their own, with numbers beyond ours.
  const rows = allRows.filter(({ tripNo }) => tripNo <= totalCount);
  const booked = rows.filter(({ state }) => state === 'booked');
  const refused = rows.filter(({ state }) => state === 'refused');
  const without = booked.filter(({ carRefusal }) => carRefusal !== null);
  return {
    committedCount: booked.length,
    abortedCounts: countEach(refused.map(({ reason }) => reason ?? 'unknown')),
    undecidedCount: totalCount - booked.length - refused.length,
    checks: [...carCounts(without), ...checksOf(findings, outcomeViolations(rows, ended))],
    // Those in which something was held and given back tell more.
    committedGid: (without.find(({ carRefusal }) => carRefusal === 'car too dear') ?? booked[0])?.gid,
    abortedGid: (refused.find(({ reason }) => reason === 'too dear to insure') ?? refused[0])?.gid,
  };
}

/** These are no checks, but worth a line: what threw was undone, and the trip was booked all the same. */
function carCounts(without: readonly TripRow[]): Check[] {
  const counts = countEach(without.map(({ carRefusal }) => carRefusal ?? ''));
  return [...counts].map(([reason, count]) => ({
    label: `Booked without the car: ${reason}`,
    value: count.toLocaleString('en-US'),
    holds: true,
    violations: [],
  }));
}

function checksOf(findings: Findings, outcomes: readonly string[]): Check[] {
  const { capacity, bookings, twice, heldCount, doubtCount } = findings;
  return [
    yesOrNo('Capacity conserved', capacity),
    yesOrNo('Taken as booked', bookings),
    none('Effects twice', twice.length, twice),
    none('Still held', heldCount, [`${heldCount} seats, rooms, cars, policies or bookings are still held`]),
    none('In doubt', doubtCount, [`${doubtCount} branches are in doubt`]),
    yesOrNo('Outcomes carried out', outcomes),
  ];
}

function none(label: string, count: number, violations: readonly string[]): Check {
  const holds = count === 0;
  return { label, value: count.toLocaleString('en-US'), holds, violations: holds ? [] : violations };
}

const STATE_OF_OUTCOME = { committed: 'booked', aborted: 'refused' } as const;

/** What the customers were told must be what became of their trips. */
function outcomeViolations(rows: readonly TripRow[], ended: readonly Ended[]): string[] {
  const stateOf = new Map(rows.map(({ tripNo, state }) => [tripKey(tripNo), state]));
  return ended.flatMap(({ key, result: { outcome } }) => {
    const state = stateOf.get(key);
    const isAsSaid = outcome === 'undecided' || state === STATE_OF_OUTCOME[outcome];
    return isAsSaid ? [] : [`${key} was told to be ${outcome}, and is ${state ?? 'absent'} in the database`];
  });
}
