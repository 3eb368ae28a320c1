import { setTimeout as delay } from 'node:timers/promises';
import {
  checkInvariants,
  countOpen,
  offerFor,
  type NewTrip,
  type TravelDatabases,
} from '@atone/example-travel-booking';
import type { Ended, Instances, Standing, Work, Workload } from '../example.js';
import { ServiceDatabases } from '../service.databases.js';
import { putPatiently } from '../service.put.js';
import { turnsOf } from '../turns.js';
import { databaseOf, urlOf, type ServiceName } from './travel-booking.services.js';
import { openTrips, standingOf, type TripRow } from './travel-booking.standing.js';
import { bookTrip, tripKey } from './trip.request.js';

const BOOKINGS = `
select trip_no as "tripNo", gid, state, car_refusal as "carRefusal", null as reason
from booking
order by trip_no`;

const REFUSALS = `
select trip_no as "tripNo", gid, 'refused' as state, null as "carRefusal", reason
from refusal
order by trip_no`;

/** What is decided is carried out in a moment; but whoever was killed finds out only after the deadline of what it had begun. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 200;

/** The trips, booked at the services of the agency. */
export class TravelBookingWork implements Workload {
  readonly #databases: ServiceDatabases<ServiceName>;
  readonly #queries: TravelDatabases;

  constructor(
    private readonly trips: readonly NewTrip[],
    private readonly instances: Instances,
  ) {
    const [surroundings] = instances;
    const databaseUrlOf = (name: ServiceName): string => surroundings.databaseUrls[databaseOf(name)] ?? '';
    const databases = new ServiceDatabases<ServiceName>({
      flights: databaseUrlOf('flights'),
      hotels: databaseUrlOf('hotels'),
      cars: databaseUrlOf('cars'),
      insurance: databaseUrlOf('insurance'),
      bookings: databaseUrlOf('bookings'),
    });
    this.#databases = databases;
    this.#queries = {
      flights: (statement) => databases.query('flights', statement),
      hotels: (statement) => databases.query('hotels', statement),
      cars: (statement) => databases.query('cars', statement),
      insurance: (statement) => databases.query('insurance', statement),
      bookings: (statement) => databases.query('bookings', statement),
    };
  }

  get totalCount(): number {
    return this.trips.length;
  }

  async prepare(): Promise<void> {
    const { flights, hotels, cars } = offerFor(this.trips);
    const [first] = this.instances;
    await putPatiently(`${urlOf('flights', first)}/stock`, flights);
    await putPatiently(`${urlOf('hotels', first)}/stock`, hotels);
    await putPatiently(`${urlOf('cars', first)}/stock`, cars);
  }

  async remaining(): Promise<Work[]> {
    const desks = this.instances.map((instance) => urlOf('bookings', instance));
    return openTrips(this.trips, await this.#rows()).map((trip) => {
      const turns = turnsOf(desks, trip.tripNo);
      return { key: tripKey(trip.tripNo), submit: () => bookTrip(turns(), trip) };
    });
  }

  async standing(ended: readonly Ended[]): Promise<Standing> {
    await this.#settled();
    const [rows, findings] = await Promise.all([this.#rows(), checkInvariants(this.#queries)]);
    return standingOf({ totalCount: this.trips.length, rows, ended, findings });
  }

  async close(): Promise<void> {
    await this.#databases.close();
  }

  /** Resolves when nothing is held any more, or patience is over: then the report says what is. */
  async #settled(): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    // oxlint-disable no-await-in-loop -- a poll
    while (performance.now() < giveUpAt) {
      const { heldCount, doubtCount } = await countOpen(this.#queries);
      if (heldCount === 0 && doubtCount === 0) {
        return;
      }
      await delay(PAUSE_MS);
    }
    // oxlint-enable no-await-in-loop
  }

  async #rows(): Promise<TripRow[]> {
    const [booked, refused] = await Promise.all([
      this.#databases.query('bookings', BOOKINGS),
      this.#databases.query('bookings', REFUSALS),
    ]);
    return [...booked, ...refused] as unknown as TripRow[];
  }
}
