import type { NewTrip } from '../trip.schema.js';
import { seededRandom } from './random.js';

/** What there is to be booked, and what it costs. */
export interface Offer {
  readonly flights: readonly {
    readonly flight: string;
    readonly seats: number;
    readonly priceCents: number;
  }[];
  readonly hotels: readonly { readonly hotel: string; readonly rooms: number; readonly priceCents: number }[];
  readonly fleet: readonly { readonly city: string; readonly cars: number; readonly priceCents: number }[];
}

/** How much less there is than all trips want, rounded down to whole seats, rooms and cars. */
const SHORT_PERCENT = { seats: 6, rooms: 8, cars: 25 };

/** For a seat, a room, a car. */
const PRICE_CENTS = {
  seat: { min: 6_000, max: 60_000 },
  room: { min: 15_000, max: 90_000 },
  car: { min: 10_000, max: 30_000 },
};

const SEED = 7;

/** Returns an offer for `trips` such that some of them find no seat, no room or no car. */
export function offerFor(trips: readonly NewTrip[]): Offer {
  const random = seededRandom(SEED);
  const price = ({ min, max }: { min: number; max: number }): number =>
    100 * Math.floor((min + random() * (max - min)) / 100);
  const seats = demand(trips, (trip) => [trip.flight, trip.seats]);
  const rooms = demand(trips, (trip) => [trip.hotel, trip.rooms]);
  const cars = demand(trips, ({ car }) => (car === undefined ? undefined : [car.city, 1]));
  return {
    flights: seats.map(([flight, wanted]) => ({
      flight,
      seats: less(wanted, SHORT_PERCENT.seats),
      priceCents: price(PRICE_CENTS.seat),
    })),
    hotels: rooms.map(([hotel, wanted]) => ({
      hotel,
      rooms: less(wanted, SHORT_PERCENT.rooms),
      priceCents: price(PRICE_CENTS.room),
    })),
    fleet: cars.map(([city, wanted]) => ({
      city,
      cars: less(wanted, SHORT_PERCENT.cars),
      priceCents: price(PRICE_CENTS.car),
    })),
  };
}

/** Returns how much of each thing is wanted, by name in alphabetical order. */
function demand(
  trips: readonly NewTrip[],
  wantOf: (trip: NewTrip) => readonly [name: string, quantity: number] | undefined,
): [string, number][] {
  const wanted = new Map<string, number>();
  for (const trip of trips) {
    const [name, quantity] = wantOf(trip) ?? [];
    if (name !== undefined && quantity !== undefined) {
      wanted.set(name, (wanted.get(name) ?? 0) + quantity);
    }
  }
  return [...wanted].toSorted(([left], [right]) => left.localeCompare(right));
}

function less(wanted: number, percent: number): number {
  return wanted - Math.floor((wanted * percent) / 100);
}
