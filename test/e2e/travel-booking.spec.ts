import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import {
  checkInvariants,
  countOpen,
  drawTrips,
  offerFor,
  type BookedTrip,
  type NewTrip,
  type TravelDatabases,
} from '@atone/example-travel-booking';
import { startAgency, type Agency } from '@atone/example-travel-booking/services';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Pool } from 'pg';
import { openPool } from '../harness/open.pool.js';
import { ask } from '../harness/rest.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { until } from '../harness/until.js';

/*
 * The example as it runs in production: five services and a coordinator that know each other by HTTP alone. The insurance has no
 * library, and is not in the example's own tests, whose coordinator has no address.
 */

const NAMES = ['flights', 'hotels', 'cars', 'insurance', 'bookings'] as const;
type Name = (typeof NAMES)[number];

let databases: readonly TestDatabase[];
let pools: readonly Pool[];
let coordinator: TestCoordinator;
let agency: Agency;
let queries: TravelDatabases;

beforeAll(async () => {
  databases = await Promise.all([...NAMES, 'log'].map(() => createTestDatabase()));
  pools = databases.map(({ url }) => openPool(url, 2));
  coordinator = await TestCoordinator.start({ databaseUrl: databases.at(-1)?.url ?? '' });
  agency = await startAgency(
    byName((position) => databases[position]?.url ?? ''),
    coordinator.url,
  );
  queries = byName((position) => async (statement: string) => {
    const result = await pools[position]?.query<Record<string, unknown>>(statement);
    return result?.rows ?? [];
  });
  await until('all services are in the catalogue', async () => {
    const entered = await coordinator.client.participants();
    return NAMES.every((name) => entered.some(({ service }) => service === name));
  });
}, 60_000);

afterAll(async () => {
  await agency.close();
  await coordinator.close();
  await Promise.all(pools.map(async (pool) => pool.end()));
  await Promise.all(databases.map(async (database) => database.drop()));
});

function byName<Value>(valueAt: (position: number) => Value): Record<Name, Value> {
  return Object.fromEntries(NAMES.map((name, position) => [name, valueAt(position)])) as Record<Name, Value>;
}

async function offer(trips: readonly NewTrip[]): Promise<void> {
  const { flights, hotels, cars } = offerFor(trips);
  const { urls } = agency;
  const answers = await Promise.all([
    ask(`PUT ${urls.flights}/stock`, { body: flights }),
    ask(`PUT ${urls.hotels}/stock`, { body: hotels }),
    ask(`PUT ${urls.cars}/stock`, { body: cars }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
}

async function book(trip: NewTrip): Promise<BookedTrip> {
  const { status, body } = await ask<BookedTrip>(`POST ${agency.urls.bookings}/trips`, { body: trip });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body;
}

async function allIsEnded(): Promise<void> {
  await until('nothing is held, and nobody is in doubt', async () => {
    const { heldCount, doubtCount } = await countOpen(queries);
    return heldCount === 0 && doubtCount === 0;
  });
}

test('of many trips at once some are refused, and seats, rooms, cars and policies are those of the others', async () => {
  const trips = drawTrips(60);
  await offer(trips);
  const [first] = trips as [NewTrip];
  const nowhere = [
    { ...first, tripNo: 8_001, flight: 'AT 0' },
    { ...first, tripNo: 8_002, hotel: 'Nowhere' },
  ];

  const booked = await Promise.all([...nowhere, ...trips].map(book));

  await allIsEnded();
  const [noFlight, noHotel] = booked;
  expect([noFlight?.outcome, noHotel?.outcome]).toEqual(['aborted', 'aborted']);
  expect(booked.filter(({ outcome }) => outcome === 'committed').length).toBeGreaterThan(40);
  expect(await checkInvariants(queries)).toEqual({
    capacity: [],
    bookings: [],
    twice: [],
    heldCount: 0,
    doubtCount: 0,
  });
}, 60_000);

test('the transaction of a trip tells of each service, and of the car that was given back', async () => {
  const trip: NewTrip = {
    tripNo: 9_001,
    flight: 'AT 9',
    seats: 1,
    hotel: 'Shed',
    rooms: 1,
    car: { city: 'Nowhere', budgetCents: 1 },
    isInsured: true,
  };
  await offer([trip]);

  const { gid } = await book(trip);

  await allIsEnded();
  const { outcome, branches } = await coordinator.client.get(gid, { wait: '10s' });
  expect(outcome).toBe('committed');
  expect(branches.map(({ service, state }) => `${service} ${state}`).toSorted()).toEqual([
    'bookings confirmed',
    'cars compensated',
    'flights confirmed',
    'hotels confirmed',
    'insurance confirmed',
  ]);
});
