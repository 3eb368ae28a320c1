import { contract, tryAction } from '@atone/participant';
import { z } from 'zod';

/*
 * What the services offer to each other. Each imports the contracts, and nothing else, of the others.
 *
 * All are tries: they hold something, and confirm or cancel ends that once the trip is decided. The insurance is not here: it has no
 * library, and is called over HTTP.
 */

const tripNo = z.int().positive();
const count = z.int().positive();
const cents = z.int().nonnegative();
const priced = z.object({ priceCents: cents });

export const flights = contract('flights', {
  /** Holds seats. Confirmed: they are sold. Cancelled: they are free again. */
  hold: tryAction({ input: z.object({ tripNo, flight: z.string(), seats: count }), output: priced }),
});

export const hotels = contract('hotels', {
  /** Holds rooms. Confirmed: they are let. Cancelled: they are free again. */
  hold: tryAction({ input: z.object({ tripNo, hotel: z.string(), rooms: count }), output: priced }),
});

export const cars = contract('cars', {
  /** Holds a car. Confirmed: it is rented. Cancelled: it is back in the garage. */
  hold: tryAction({ input: z.object({ tripNo, city: z.string() }), output: priced }),
});

export const bookings = contract('bookings', {
  /** Takes a trip down as pending. Confirmed: it is booked. Cancelled: it was never there. */
  store: tryAction({
    input: z.object({
      tripNo,
      seats: count,
      rooms: count,
      hasCar: z.boolean(),
      /** Why there is no car, though one was wanted. */
      carRefusal: z.string().optional(),
      premiumCents: cents,
      totalCents: cents,
    }),
    output: z.object({ tripNo }),
  }),
});
