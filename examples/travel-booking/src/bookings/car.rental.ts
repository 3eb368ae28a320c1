import {
  CallTimeoutError,
  GlobalTransaction,
  InjectClient,
  NotSentError,
  RefusedError,
  UnknownOutcomeError,
  type ServiceClient,
} from '@atone/nestjs';
import { Injectable } from '@nestjs/common';
import { cars } from '../contracts.js';
import type { WantedCar } from '../trip.schema.js';

/** Nobody waits longer for a car. */
const PATIENCE = '5s';

@Injectable()
export class CarRental {
  constructor(@InjectClient(cars) private readonly garage: ServiceClient<typeof cars>) {}

  /**
   * Holds a car, and returns its price. It is a part of the trip that is kept or undone for itself: when it throws, and whoever
   * called it goes on, the car is given back, and the rest of the trip is booked.
   *
   * @throws RefusedError when there is none, or it is too dear.
   */
  @GlobalTransaction({ name: 'rent-car', propagation: 'NESTED' })
  async rent(tripNo: number, car: WantedCar): Promise<number> {
    const { priceCents } = await this.garage.hold({ tripNo, city: car.city }, { timeout: PATIENCE });
    if (priceCents > car.budgetCents) {
      // The car is held by now. Because of this error it will not be rented.
      throw new RefusedError('car too dear', { priceCents });
    }
    return priceCents;
  }
}

/** Returns why a trip goes on without a car, or undefined where `error` must end it. */
export function whyNoCar(error: unknown): string | undefined {
  if (error instanceof RefusedError) {
    return error.reason;
  }
  // What became of the call, if anything, is cancelled with it.
  const hasNoAnswer = [NotSentError, CallTimeoutError, UnknownOutcomeError].some(
    (kind) => error instanceof kind,
  );
  return hasNoAnswer ? 'no answer' : undefined;
}
