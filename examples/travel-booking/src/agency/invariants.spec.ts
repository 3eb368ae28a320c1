import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createTestAgency, type TestAgency } from '../testing/agency.databases.js';
import { checkInvariants, type Findings } from './invariants.js';

const GID = '01936f3e-0000-7000-8000-000000000001';
const OTHER_GID = '01936f3e-0000-7000-8000-000000000002';

let agency: TestAgency;
beforeAll(async () => {
  agency = await createTestAgency();
});
afterAll(() => agency.drop());

/** Trip 1 is booked: 2 seats of 100, a room of 300, a car of 50, insured for 9. Trip 2 was held, and cancelled. */
beforeEach(async () => {
  const { flights, hotels, cars, insurance, bookings } = agency.pools;
  await Promise.all([
    flights.query(`truncate stock, move;
      insert into stock values ('AT 1', 100, 10, 8, 0, 2);
      insert into move (gid, branch_id, trip_no, item, kind, quantity) values
        ('${GID}', '1', 1, 'AT 1', 'hold', 2), ('${GID}', '1', 1, 'AT 1', 'confirm', 2),
        ('${OTHER_GID}', '1', 2, 'AT 1', 'hold', 3), ('${OTHER_GID}', '1', 2, 'AT 1', 'cancel', 3)`),
    hotels.query(`truncate stock, move;
      insert into stock values ('Park', 300, 5, 4, 0, 1);
      insert into move (gid, branch_id, trip_no, item, kind, quantity) values
        ('${GID}', '2', 1, 'Park', 'hold', 1), ('${GID}', '2', 1, 'Park', 'confirm', 1)`),
    cars.query(`truncate stock, move;
      insert into stock values ('Riga', 50, 3, 2, 0, 1);
      insert into move (gid, branch_id, trip_no, item, kind, quantity) values
        ('${GID}', '3', 1, 'Riga', 'hold', 1), ('${GID}', '3', 1, 'Riga', 'confirm', 1)`),
    insurance.query(`truncate policy;
      insert into policy values ('${GID}', '4', 1, 9, 'in force'), ('${OTHER_GID}', '4', 2, 9, 'cancelled')`),
    bookings.query(`truncate booking;
      insert into booking values (1, '${GID}', 'booked', 2, 1, true, null, 9, 559)`),
  ]);
});

async function findings(): Promise<Findings> {
  return checkInvariants(agency.queries);
}

test('an agency in which all went well has nothing wrong', async () => {
  expect(await findings()).toEqual({ capacity: [], bookings: [], twice: [], heldCount: 0, doubtCount: 0 });
});

test('what is held still is counted, and is not wrong yet', async () => {
  await agency.pools.flights.query(`update stock set free = free - 1, held = 1;
    insert into move (gid, branch_id, trip_no, item, kind, quantity) values ('${OTHER_GID}', '9', 3, 'AT 1', 'hold', 1)`);
  await agency.pools.insurance.query(`insert into policy values ('${OTHER_GID}', '9', 3, 9, 'draft')`);

  expect(await findings()).toEqual({ capacity: [], bookings: [], twice: [], heldCount: 2, doubtCount: 0 });
});

describe('it is seen when', () => {
  test('seats vanish', async () => {
    await agency.pools.flights.query('update stock set free = free - 1');

    const { capacity } = await findings();

    expect(capacity).toEqual([
      'flights: AT 1 has 10 in all: 7 free, 0 held and 2 taken; by its moves 0 are held and 2 taken',
    ]);
  });

  test('a trip is confirmed twice', async () => {
    await agency.pools.cars.query(`insert into move (gid, branch_id, trip_no, item, kind, quantity)
        values ('${GID}', '3', 1, 'Riga', 'confirm', 1);
      update stock set taken = 2, free = 1`);

    const { twice, bookings } = await findings();

    expect(twice).toEqual([`cars: ${GID} held it 1 times, confirmed it 2 times and cancelled it 0 times`]);
    expect(bookings).toContain(`trip 1 (${GID}) has 2 cars, and 1 were booked`);
  });

  test('a trip is both confirmed and cancelled', async () => {
    await agency.pools.hotels.query(`insert into move (gid, branch_id, trip_no, item, kind, quantity)
      values ('${GID}', '2', 1, 'Park', 'cancel', 1)`);

    expect((await findings()).twice).toHaveLength(1);
  });

  test('a trip is booked without its room', async () => {
    await agency.pools.hotels.query('truncate move; update stock set free = 5, taken = 0');

    expect((await findings()).bookings).toEqual([
      `trip 1 (${GID}) has 0 rooms, and 1 were booked`,
      `trip 1 (${GID}) costs 559, and has what costs 259`,
    ]);
  });

  test('somebody pays for a policy of a trip that is not booked', async () => {
    await agency.pools.insurance.query(`update policy set state = 'in force' where trip_no = 2`);

    expect((await findings()).bookings).toEqual([
      `trip 2 (${OTHER_GID}) has 1 policies, and 0 were booked`,
      `trip 2 (${OTHER_GID}) costs 0, and has what costs 9`,
    ]);
  });

  test('a branch waits for its end', async () => {
    await agency.pools.bookings.query(`insert into atone.barrier
      (gid, branch_id, service, action, state, round, input_hash, output, kind, nonce, secret_hash, epoch, initiator,
        doubt_at, next_ask_at, ask_count)
      values ('${GID}', '5', 'bookings', 'store', 'done', 1, sha256('x'), '{}', 'tcc', 'abcdefgh', sha256('x'), 1, 'bookings',
        now(), now(), 0)`);

    expect((await findings()).doubtCount).toBe(1);
  });
});
