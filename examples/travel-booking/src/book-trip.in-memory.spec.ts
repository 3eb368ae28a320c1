import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ConflictException } from '@nestjs/common';
import { checkInvariants } from './agency/invariants.js';
import { cars, flights, hotels } from './contracts.js';
import { OFFER } from './stock/stock.sql.js';
import { openAgency, type RunningAgency } from './testing/agency.in-memory.js';
import type { NewTrip } from './trip.schema.js';

/*
 * The services with their databases, and the coordinator in memory: what crashes and gets lost here does so in a moment. The check is
 * that of the quickstart, and reads the databases.
 */

const CAR_CENTS = 20_000;
const CAR = { city: 'Lisbon', budgetCents: CAR_CENTS };
const NOTHING_WRONG = { capacity: [], bookings: [], twice: [], heldCount: 0, doubtCount: 0 };

let agency: RunningAgency;
let tripNo = 0;

beforeAll(async () => {
  agency = await openAgency();
  await agency.flights.offer([
    { item: 'AT 1', quantity: 1_000, priceCents: 100 },
    { item: 'AT 2', quantity: 1, priceCents: 100 },
  ]);
  await agency.hotels.offer([
    { item: 'Park', quantity: 1_000, priceCents: 100 },
    { item: 'Shed', quantity: 0, priceCents: 100 },
  ]);
  const fleet = [
    { item: 'Lisbon', quantity: 1_000, priceCents: CAR_CENTS },
    { item: 'Riga', quantity: 0, priceCents: 1 },
  ];
  await agency.databases.pools.cars.query(OFFER, [JSON.stringify(fleet)]);
});
beforeEach(() => agency.atone.reset());
afterAll(() => agency.close());

function book(part: Partial<NewTrip> = {}) {
  tripNo += 1;
  const trip = { tripNo, flight: 'AT 1', seats: 2, hotel: 'Park', rooms: 1, isInsured: false, ...part };
  return agency.trips.book(trip);
}

async function nothingIsWrong(): Promise<void> {
  await agency.atone.quiet();
  expect(await checkInvariants(agency.databases.queries)).toEqual(NOTHING_WRONG);
}

async function carOf(no: number): Promise<unknown> {
  const statement = `select has_car as "hasCar", car_refusal as why, total_cents as cents from booking where trip_no = ${no}`;
  const [row] = await agency.databases.queries.bookings(statement);
  return row;
}

test('a trip takes its seats, its room and its car', async () => {
  const { gid, outcome } = await book({ car: CAR });

  expect(outcome).toBe('committed');
  await nothingIsWrong();
  expect(await carOf(tripNo)).toEqual({ hasCar: true, why: null, cents: 300 + CAR_CENTS });
  expect(await agency.atone.history(gid)).toMatchInlineSnapshot(`
   "committing
   1 confirmed
   2 confirmed
   3 confirmed
   4 confirmed
   committed"
  `);
});

test.each([
  ['no seat', { flight: 'AT 2' }],
  ['no room', { hotel: 'Shed' }],
  ['too dear to insure', { isInsured: true, car: CAR }],
])('a trip that finds %s is refused, and nothing is held for it', async (reason, part) => {
  const booked = await book(part);

  expect(booked).toMatchObject({ outcome: 'aborted', reason });
  await nothingIsWrong();
});

test('a car that is too dear is given back, and the trip is booked without it', async () => {
  const { gid, outcome } = await book({ car: { ...CAR, budgetCents: CAR_CENTS - 1 } });

  expect(outcome).toBe('committed');
  await nothingIsWrong();
  expect(await carOf(tripNo)).toEqual({ hasCar: false, why: 'car too dear', cents: 300 });
  expect(await agency.atone.history(gid)).toMatchInlineSnapshot(`
   "committing
   1 confirmed
   2 confirmed
   4 confirmed
   3 compensated
   committed"
  `);
});

test('a trip is booked without a car where there is none, or nobody answers', async () => {
  await book({ car: { ...CAR, city: 'Riga' } });
  agency.atone.failAt(cars.hold, 'slow', { takes: '8s' });
  await book({ car: CAR });

  await nothingIsWrong();
  expect([await carOf(tripNo - 1), await carOf(tripNo)]).toMatchObject([
    { why: 'no car' },
    { why: 'no answer' },
  ]);
});

test('a trip is booked once, however often it is asked for', async () => {
  const first = await book();
  await agency.atone.quiet();

  const second = await book({ tripNo });

  expect(second).toEqual(first);
  await nothingIsWrong();
});

test('a trip that is asked for twice at once is booked once, and the other caller is told to ask again', async () => {
  const first = book();

  const answers = await Promise.allSettled([first, book({ tripNo })]);

  expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: expect.any(ConflictException),
  });
  await nothingIsWrong();
});

test('a trip is booked though the answers of both holds were lost', async () => {
  agency.atone.failAt(flights.hold, 'after-effect');
  agency.atone.failAt(hotels.hold, 'after-effect');

  const { outcome } = await book();

  expect(outcome).toBe('committed');
  await nothingIsWrong();
});

test('seats, rooms and cars are conserved wherever something crashes while a trip is booked', async () => {
  const { points } = await agency.atone.everyCrashPoint(() => book({ car: CAR }), nothingIsWrong);

  expect(points).toEqual(
    expect.arrayContaining([
      'initiator crashes after call of flights.hold (1) #1',
      'cars crashes at participant.confirm.beforeCommit of cars.hold (3) #1',
      'answer to commit of book-trip is lost #1',
    ]),
  );
}, 180_000);

test('seats, rooms and cars are conserved wherever something crashes while a trip is refused by its last branch', async () => {
  const { points } = await agency.atone.everyCrashPoint(
    () => book({ isInsured: true, car: CAR }),
    nothingIsWrong,
  );

  expect(points).toContain('hotels crashes at participant.compensate.beforeCommit of hotels.hold (2) #1');
}, 180_000);
