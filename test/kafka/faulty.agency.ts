import { drawTrips, type BookedTrip, type NewTrip } from '@atone/example-travel-booking';
import { AgencyDeployment } from '../harness/agency.deployment.js';
import { FaultyWorld } from './faulty.world.js';
import { newName } from './kafka.client.js';

/** More than can come in meanwhile. */
const TRIP_COUNT = 20_000;

/** Nobody offers rooms there: the seats that are held for who wants to go there are given back. */
const FULL_CITY = 'Lisbon';

/** Whoever calls others over Kafka joins its group by that. */
const FIRST_COUNT = 8;

/** A desk is asked first for every other trip: the second one for those with odd numbers. */
const HELD_FOR_SECOND_DESK = `
select distinct gid
from atone.barrier
join move using (gid, branch_id)
where trip_no % 2 = 1
  and doubt_at is not null
  and state <> 'refused'`;

const IN_DOUBT = `
select gid
from atone.barrier
where doubt_at is not null`;

/** The last branch of a trip: before it has answered, nothing can be decided. */
const STORED = 'select gid from atone.barrier';

export type FaultyAgency = FaultyWorld<NewTrip, BookedTrip>;

/** Starts the travel agency where faults happen, by the library that the shop is not by. Trips keep coming, of which some are refused. */
export async function startFaultyAgency(): Promise<FaultyAgency> {
  const prefix = newName('trips');
  const trips = drawTrips(TRIP_COUNT);
  return FaultyWorld.start({
    prefix,
    services: ['flights', 'hotels', 'cars', 'bookings'],
    callers: ['bookings'],
    works: trips.slice(FIRST_COUNT),
    start: async (brokers) => {
      const agency = await AgencyDeployment.start(trips.map(elsewhere), {
        brokers,
        prefix,
        library: 'platformatic',
      });
      await agency.book(trips.slice(0, FIRST_COUNT));
      return {
        deployment: agency.deployment,
        begin: async (trip) => agency.bookOne(trip),
        violations: async (_, told) => agency.violations(told),
      };
    },
  });
}

/** Waits until seats are held for so many trips that nobody has decided, as far as the flights know. */
export async function untilHeld({ deployment, load }: FaultyAgency, count: number): Promise<void> {
  await load.waitFor(`seats are held for ${count} trips`, async () => {
    const held = await gidsOf(deployment, 'travel_flights', IN_DOUBT);
    if (held.length < count) {
      load.burst(count);
    }
    return held.length >= count;
  });
}

/** The trip as it is thought of when rooms are offered. */
function elsewhere(trip: NewTrip): NewTrip {
  return trip.hotel.startsWith(FULL_CITY) ? { ...trip, hotel: 'Porto Park' } : trip;
}

/** Freezes the second desk while it books trips, and returns those for which seats are held, and which nobody has decided. */
export async function freezeSecondDesk(world: FaultyAgency): Promise<readonly string[]> {
  const { deployment, load } = world;
  const desk = deployment.process('bookings-2');
  let gids: readonly string[] = [];
  await load.waitFor('the second desk leaves somebody in doubt', async () => {
    desk.freeze();
    const held = await gidsOf(deployment, 'travel_flights', HELD_FOR_SECOND_DESK);
    const stored = new Set(await gidsOf(deployment, 'travel_bookings', STORED));
    gids = held.filter((gid) => !stored.has(gid));
    if (gids.length === 0) {
      desk.thaw();
      world.burst();
    }
    return gids.length > 0;
  });
  return gids;
}

/** Waits until nobody is in doubt about these any more, and returns how the log says that they have ended. */
export async function endsOf(
  { deployment, load }: FaultyAgency,
  gids: readonly string[],
): Promise<unknown[]> {
  await load.waitFor('no seat is held in doubt for those who are frozen', async () => {
    const inDoubt = new Set(await gidsOf(deployment, 'travel_flights', IN_DOUBT));
    return gids.every((gid) => !inDoubt.has(gid));
  });
  const rows = await deployment.query('atone', 'select gid, state from atone.global_transaction');
  const stateOf = new Map(rows.map(({ gid, state }) => [gid, state]));
  return gids.map((gid) => stateOf.get(gid));
}

async function gidsOf(
  deployment: FaultyAgency['deployment'],
  database: string,
  statement: string,
): Promise<string[]> {
  return (await deployment.query(database, statement)).map(({ gid }) => String(gid));
}
