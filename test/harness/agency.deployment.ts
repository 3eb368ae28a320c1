import { join } from 'node:path';
import {
  checkInvariants,
  countOpen,
  offerFor,
  type BookedTrip,
  type NewTrip,
  type TravelDatabases,
} from '@atone/example-travel-booking';
import { KafkaDeployment, type DeployedService, type DeploymentPlan } from './kafka.deployment.js';
import { inLanes, LANE_COUNT, untilAnswered } from './lanes.js';
import { ask } from './rest.js';
import { until } from './until.js';

const NAMES = ['flights', 'hotels', 'cars', 'insurance', 'bookings'] as const;

const SERVICES: readonly DeployedService[] = NAMES.map((name) => ({
  name,
  entry: join('examples', 'travel-booking', 'dist', name, 'main.js'),
  database: `travel_${name}`,
  ...(name === 'bookings' ? { needs: { service: 'insurance', variable: 'INSURANCE_URL' } } : {}),
}));

/** Whoever is in doubt asks half a minute after the trip began. */
const SETTLED_MS = 90_000;

/** What a customer was told, and by what is taken down: a row of the bookings. */
interface TripRow {
  readonly tripNo: number;
  readonly state: string;
}

const ROWS = `
select trip_no as "tripNo", 'committed' as state from booking where state = 'booked'
union all
select trip_no, 'aborted' from refusal`;

/** The travel agency in production. */
export class AgencyDeployment {
  private constructor(readonly deployment: KafkaDeployment) {}

  /** Starts it, and offers what `trips` need, or a little less. */
  static async start(
    trips: readonly NewTrip[],
    plan: Omit<DeploymentPlan, 'services'>,
  ): Promise<AgencyDeployment> {
    const deployment = await KafkaDeployment.start({ ...plan, services: SERVICES });
    const { flights, hotels, cars } = offerFor(trips);
    await ask(`PUT ${deployment.url('flights-1')}/stock`, { body: flights });
    await ask(`PUT ${deployment.url('hotels-1')}/stock`, { body: hotels });
    await ask(`PUT ${deployment.url('cars-1')}/stock`, { body: cars });
    return new AgencyDeployment(deployment);
  }

  /**
   * Books all trips, each at the instances of the bookings in turn until one says how it ended, and returns what was said. `onEnded`
   * is told how many have ended so far.
   */
  async book(
    trips: readonly NewTrip[],
    onEnded: (count: number) => void = () => undefined,
  ): Promise<BookedTrip[]> {
    const told: BookedTrip[] = [];
    await inLanes(LANE_COUNT, trips, async (trip) => {
      told.push(await this.bookOne(trip));
      onEnded(told.length);
    });
    return told;
  }

  /** Books one trip at the instances of the bookings in turn, until one says how it ended. */
  async bookOne(trip: NewTrip): Promise<BookedTrip> {
    const desks = this.deployment.instancesOf('bookings').map((name) => this.deployment.url(name));
    return untilAnswered(this.deployment, async (turn) => {
      const desk = desks[(trip.tripNo + turn) % desks.length] ?? '';
      // Who is away, or knows of nothing yet, is asked again: the number keeps a trip from being booked twice.
      const answer = await ask<BookedTrip>(`POST ${desk}/trips`, { body: trip }).catch(() => undefined);
      return answer?.status === 201 ? answer.body : undefined;
    });
  }

  /** Returns, in sentences, all that does not hold once each trip has ended. Waits until nobody is in doubt. */
  async violations(told: readonly BookedTrip[]): Promise<string[]> {
    const { deployment } = this;
    await until(
      'nothing is held, nobody is in doubt, and the log waits for nobody but operators',
      async () => {
        const { heldCount, doubtCount } = await countOpen(this.databases);
        const moving = (await deployment.openTransactions()).filter((each) => each.endsWith('stuck: no'));
        return heldCount === 0 && doubtCount === 0 && moving.length === 0;
      },
      SETTLED_MS,
    );
    const found = await checkInvariants(this.databases);
    const rows = (await this.databases.bookings(ROWS)) as unknown as TripRow[];
    const stateOf = new Map(rows.map(({ tripNo, state }) => [tripNo, state]));
    const untrue = told.filter(({ tripNo, outcome }) => stateOf.get(tripNo) !== outcome);
    return [
      ...(await deployment.openTransactions()),
      ...(await this.untrueGids(told)),
      ...found.capacity,
      ...found.bookings,
      ...found.twice,
      ...untrue.map(
        ({ tripNo, outcome }) =>
          `trip ${tripNo} was told ${outcome}, and is ${stateOf.get(tripNo) ?? 'absent'}`,
      ),
    ];
  }

  async stop(): Promise<void> {
    await this.deployment.stop();
  }

  /** Returns, in sentences, whose end the log knows otherwise. What was never decided, or undone for want of a decision, may have no row. */
  private async untrueGids(told: readonly BookedTrip[]): Promise<string[]> {
    const rows = await this.deployment.query('atone', 'select gid, state from atone.global_transaction');
    const stateOf = new Map(rows.map(({ gid, state }) => [gid, String(state)]));
    return told
      .map(({ tripNo, gid, outcome }) => ({ tripNo, outcome, state: stateOf.get(gid) }))
      .filter(({ outcome, state = 'aborted' }) => state !== outcome)
      .map(
        ({ tripNo, outcome, state = 'absent' }) =>
          `trip ${tripNo} was told ${outcome}, and the log says ${state}`,
      );
  }

  private get databases(): TravelDatabases {
    const entries = NAMES.map((name) => [
      name,
      async (statement: string) => this.deployment.query(`travel_${name}`, statement),
    ]);
    return Object.fromEntries(entries) as TravelDatabases;
  }
}
