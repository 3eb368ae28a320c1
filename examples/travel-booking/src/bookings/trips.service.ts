import { currentTransaction, GlobalTransaction, InjectClient, type ServiceClient } from '@atone/nestjs';
import { Injectable } from '@nestjs/common';
import { bookings, flights, hotels } from '../contracts.js';
import type { NewTrip } from '../trip.schema.js';
import { CarRental, whyNoCar } from './car.rental.js';
import { InsuranceClient } from './insurance.client.js';

interface Car {
  readonly priceCents: number;
  readonly refusal?: string;
}

@Injectable()
export class TripsService {
  // oxlint-disable-next-line max-params -- Nest injects one by one.
  constructor(
    @InjectClient(flights) private readonly airline: ServiceClient<typeof flights>,
    @InjectClient(hotels) private readonly hotelier: ServiceClient<typeof hotels>,
    @InjectClient(bookings) private readonly ledger: ServiceClient<typeof bookings>,
    private readonly rental: CarRental,
    private readonly insurer: InsuranceClient,
  ) {}

  /**
   * Books a trip, all of it or nothing, and returns the gid of its transaction. When this returns, it is decided that what the services hold is taken; when it throws, that
   * it is given back. Nothing here says how: each service knows for itself.
   *
   * @throws RefusedError when there is no seat or no room, or the insurance does not want to.
   */
  @GlobalTransaction({ name: 'book-trip', timeout: '30s' })
  async book(trip: NewTrip): Promise<string> {
    const { tripNo, flight, seats, hotel, rooms, isInsured } = trip;
    const [held, taken] = await Promise.all([
      this.airline.hold({ tripNo, flight, seats }),
      this.hotelier.hold({ tripNo, hotel, rooms }),
    ]);
    const car = await this.carFor(trip);
    const sumCents = held.priceCents + taken.priceCents + (car?.priceCents ?? 0);
    const premiumCents = isInsured ? await this.insurer.buy({ tripNo, sumCents }) : 0;
    await this.ledger.store({
      tripNo,
      seats,
      rooms,
      premiumCents,
      totalCents: sumCents + premiumCents,
      hasCar: car !== undefined && car.refusal === undefined,
      carRefusal: car?.refusal,
    });
    return currentTransaction()?.gid ?? '';
  }

  /** A trip is made without a car as well. To catch the error is all that it takes: what threw is undone, the rest is not. */
  private async carFor({ tripNo, car }: NewTrip): Promise<Car | undefined> {
    if (car === undefined) {
      return undefined;
    }
    try {
      return { priceCents: await this.rental.rent(tripNo, car) };
    } catch (error) {
      const refusal = whyNoCar(error);
      if (refusal === undefined) {
        throw error;
      }
      return { priceCents: 0, refusal };
    }
  }
}
