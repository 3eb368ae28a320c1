import { drawTrips } from '@atone/example-travel-booking';
import type { Example } from '../example.js';
import { QuickstartError } from '../quickstart.error.js';
import { databaseOf, PORT_COUNT, serviceOf, SERVICES } from './travel-booking.services.js';
import { TravelBookingWork } from './travel-booking.work.js';

/** Five services, one of which leads a transaction: flights, hotels, cars, insurance and bookings. */
export const travelBooking: Example = {
  title: 'the travel agency',
  noun: 'trips',
  verb: { doing: 'Booking', done: 'asked for' },
  // Each trip keeps several services busy while somebody waits.
  concurrency: 32,
  databases: SERVICES.map(databaseOf),
  portCount: PORT_COUNT,
  services: (surroundings) => SERVICES.map((name) => serviceOf(name, surroundings)),
  async load(file) {
    if (file !== undefined) {
      throw new QuickstartError('The travel agency draws its own trips: leave --orders out.');
    }
    const trips = drawTrips();
    return {
      totalCount: trips.length,
      open: async (instances) => new TravelBookingWork(trips, instances),
    };
  },
};
