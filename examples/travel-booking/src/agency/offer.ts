import type { NewTrip } from '../trip.schema.js';
import { seededRandom } from './random.js';

/** What there is of one thing, and what it costs. */
interface Item {
  readonly item: string;
  readonly quantity: number;
  readonly priceCents: number;
}

/** What there is to be booked: seats, rooms and cars. */
export type Offer = Readonly<Record<'flights' | 'hotels' | 'cars', readonly Item[]>>;

/** How much less there is than all trips want, rounded down to whole seats, rooms and cars. */
const SHORT_PERCENT = { seat: 6, room: 8, car: 25 };

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
  const offered = (wanted: [string, number][], thing: keyof typeof SHORT_PERCENT): Item[] => {
    const { min, max } = PRICE_CENTS[thing];
    return wanted.map(([item, quantity]) => ({
      item,
      quantity: less(quantity, SHORT_PERCENT[thing]),
      priceCents: 100 * Math.floor((min + random() * (max - min)) / 100),
    }));
  };
  return {
    flights: offered(
      demand(trips, (trip) => [trip.flight, trip.seats]),
      'seat',
    ),
    hotels: offered(
      demand(trips, (trip) => [trip.hotel, trip.rooms]),
      'room',
    ),
    cars: offered(
      demand(trips, ({ car }) => (car === undefined ? undefined : [car.city, 1])),
      'car',
    ),
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
