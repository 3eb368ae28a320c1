export {
  checkInvariants,
  countOpen,
  type Findings,
  type Query,
  type TravelDatabases,
} from './agency/invariants.js';
export { offerFor, type Offer } from './agency/offer.js';
export { drawTrips } from './agency/trips.js';
export type { BookedTrip } from './bookings/trips.controller.js';
export type { NewTrip } from './trip.schema.js';
