import type { NewTrip } from '../trip.schema.js';
import { seededRandom } from './random.js';

/*
 * The trips are drawn, not collected: the same ones in each run.
 */

const TRIP_COUNT = 3_000;

const SEED = 20_260_101;

/** Where trips go. Nothing else about these cities is real. */
const CITIES = [
  'Athens', 'Bergen', 'Dublin', 'Krakow', 'Lisbon', 'Naples',
  'Porto', 'Riga', 'Seville', 'Tallinn', 'Turin', 'Valencia',
] as const; // prettier-ignore

const FLIGHTS_PER_CITY = 4;
const HOTELS_PER_CITY = ['Central', 'Harbour', 'Park'] as const;

/** How many trips in a hundred want a car, and an insurance. */
const PERCENT = { car: 40, insured: 30 };

/** What a customer pays at most for a car: most cost less. */
const BUDGET_CENTS = { min: 12_000, max: 60_000 };

/** Returns the first `count` trips, numbered from 1. */
export function drawTrips(count = TRIP_COUNT): NewTrip[] {
  const random = seededRandom(SEED);
  const below = (limit: number): number => Math.floor(random() * limit);
  const isOneOf = (percent: number): boolean => below(100) < percent;
  return Array.from({ length: count }, (_, position) => {
    const cityNo = below(CITIES.length);
    const city = CITIES[cityNo] ?? CITIES[0];
    const seats = 1 + below(4);
    const budgetCents = BUDGET_CENTS.min + below(BUDGET_CENTS.max - BUDGET_CENTS.min);
    return {
      tripNo: 1 + position,
      flight: `AT ${100 * (1 + cityNo) + below(FLIGHTS_PER_CITY)}`,
      seats,
      hotel: `${city} ${HOTELS_PER_CITY[below(HOTELS_PER_CITY.length)]}`,
      rooms: Math.ceil(seats / 2),
      ...(isOneOf(PERCENT.car) ? { car: { city, budgetCents } } : {}),
      isInsured: isOneOf(PERCENT.insured),
    };
  });
}
