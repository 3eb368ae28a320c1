import { describe, expect, test } from '@jest/globals';
import { drawTrips } from '@atone/example-travel-booking';
import type { Ended } from '../example.js';
import { openTrips, standingOf, type TripRow } from './travel-booking.standing.js';

const NOTHING_WRONG = { capacity: [], bookings: [], twice: [], heldCount: 0, doubtCount: 0 };

function row(tripNo: number, part: Partial<TripRow> = {}): TripRow {
  return { tripNo, gid: `gid-${tripNo}`, state: 'booked', carRefusal: null, reason: null, ...part };
}

function refused(tripNo: number, reason: string): TripRow {
  return row(tripNo, { state: 'refused', reason });
}

function ended(tripNo: number, outcome: Ended['result']['outcome']): Ended {
  return { key: `trip-${tripNo}`, result: { outcome }, latencyMs: 1 };
}

test('a later start goes on with the trips that are not in the database, and those that are pending', () => {
  const open = openTrips(drawTrips(4), [row(1), row(2, { state: 'pending' }), refused(3, 'no seat')]);

  expect(open.map(({ tripNo }) => tripNo)).toEqual([2, 4]);
});

describe('the standing', () => {
  test('counts what the database holds, and trips without the car that was wanted', () => {
    const rows = [
      row(1),
      row(2, { carRefusal: 'car too dear' }),
      refused(3, 'no seat'),
      refused(4, 'too dear to insure'),
      row(5, { state: 'pending' }),
    ];

    const standing = standingOf({ totalCount: 6, rows, ended: [], findings: NOTHING_WRONG });

    expect(standing).toMatchObject({
      committedCount: 2,
      abortedCounts: new Map([
        ['no seat', 1],
        ['too dear to insure', 1],
      ]),
      undecidedCount: 2,
    });
    expect(standing.checks).toContainEqual(
      expect.objectContaining({ label: 'Booked without the car: car too dear', value: '1' }),
    );
    expect(standing.checks.every(({ holds }) => holds)).toBe(true);
  });

  test('names those to look at in which something was given back', () => {
    const rows = [row(1), row(2, { carRefusal: 'car too dear' }), refused(3, 'no seat')];

    const standing = standingOf({
      totalCount: 4,
      rows: [...rows, refused(4, 'too dear to insure')],
      ended: [],
      findings: NOTHING_WRONG,
    });

    expect(standing).toMatchObject({ committedGid: 'gid-2', abortedGid: 'gid-4' });
  });

  test('does not count what people booked beside ours', () => {
    const rows = [row(1), row(9_000_001)];

    const standing = standingOf({ totalCount: 1, rows, ended: [], findings: NOTHING_WRONG });

    expect(standing).toMatchObject({ committedCount: 1, undecidedCount: 0 });
  });

  test.each<[string, Ended, TripRow[]]>([
    ['booked, and is not there', ended(1, 'committed'), []],
    ['booked, and was refused', ended(1, 'committed'), [refused(1, 'no seat')]],
    ['refused, and is booked', ended(1, 'aborted'), [row(1)]],
  ])('shows a trip whose customer was told it is %s', (_what, run, rows) => {
    const { checks } = standingOf({ totalCount: 1, rows, ended: [run], findings: NOTHING_WRONG });

    expect(checks.find(({ label }) => label === 'Outcomes carried out')).toMatchObject({ value: 'no' });
  });

  test.each([
    ['Still held', { heldCount: 3 }],
    ['In doubt', { doubtCount: 3 }],
    ['Effects twice', { twice: ['a', 'b', 'c'] }],
  ])('is not well where the line "%s" is not 0', (label, wrong) => {
    const findings = { ...NOTHING_WRONG, ...wrong };

    const { checks } = standingOf({ totalCount: 0, rows: [], ended: [], findings });

    expect(checks.find((check) => check.label === label)).toMatchObject({ value: '3', holds: false });
  });
});
