import { outcomeOfError, RefusedError } from '@atone/nestjs';
import { Body, ConflictException, Controller, Post, ServiceUnavailableException } from '@nestjs/common';
import { newTrip, type NewTrip } from '../trip.schema.js';
import { BookingsService, NUMBER_TAKEN, type KnownTrip } from './bookings.service.js';
import { TripsService } from './trips.service.js';

/** What became of a trip. */
export interface BookedTrip {
  readonly tripNo: number;
  readonly gid: string;
  readonly outcome: 'committed' | 'aborted';
  readonly reason?: string;
}

@Controller('trips')
export class TripsController {
  constructor(
    private readonly trips: TripsService,
    private readonly bookings: BookingsService,
  ) {}

  /** Books a trip. It can be called again with the same trip: the number keeps it from being booked twice. */
  @Post()
  async book(@Body({ schema: newTrip }) trip: NewTrip): Promise<BookedTrip> {
    const { tripNo } = trip;
    const earlier = await this.bookings.find(tripNo);
    if (earlier !== undefined) {
      return readEarlier(tripNo, earlier);
    }
    try {
      return { tripNo, gid: await this.trips.book(trip), outcome: 'committed' };
    } catch (error) {
      return this.refused(tripNo, error);
    }
  }

  /** Only what a service has refused is final. All else, such as a service that is down, may be better soon. */
  private async refused(tripNo: number, error: unknown): Promise<BookedTrip> {
    const { gid = '', outcome } = outcomeOfError(error) ?? {};
    if (!(error instanceof RefusedError) || outcome === 'unknown' || outcome === 'committed') {
      const status =
        outcome === 'aborted' || outcome === undefined ? 'is not booked' : 'may be booked; ask again';
      const message = `Trip ${tripNo} ${status}: ${error instanceof Error ? error.message : String(error)}`;
      throw new ServiceUnavailableException(message, { cause: error });
    }
    if (error.reason === NUMBER_TAKEN) {
      throw new ConflictException(`Trip ${tripNo} is being booked by somebody else. Ask again.`, {
        cause: error,
      });
    }
    await this.bookings.noteRefusal(tripNo, gid, error.reason);
    return { tripNo, gid, outcome: 'aborted', reason: error.reason };
  }
}

function readEarlier(tripNo: number, { state, gid, reason }: KnownTrip): BookedTrip {
  switch (state) {
    case 'pending':
      throw new ConflictException(`Trip ${tripNo} is being booked by ${gid}. Ask again.`);
    case 'booked':
      return { tripNo, gid, outcome: 'committed' };
    case 'refused':
      return { tripNo, gid, outcome: 'aborted', reason: reason ?? '' };
  }
}
