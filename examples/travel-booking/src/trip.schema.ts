import { z } from 'zod';

/** What a customer wants. */
export const newTrip = z.object({
  tripNo: z.int().positive(),
  flight: z.string(),
  seats: z.int().min(1).max(9),
  hotel: z.string(),
  rooms: z.int().min(1).max(9),
  /** A car, if there is one that costs no more than this. */
  car: z.object({ city: z.string(), budgetCents: z.int().positive() }).optional(),
  isInsured: z.boolean(),
});

export type WantedCar = NonNullable<NewTrip['car']>;

export type NewTrip = z.infer<typeof newTrip>;
