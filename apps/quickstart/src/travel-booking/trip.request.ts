import type { BookedTrip, NewTrip } from '@atone/example-travel-booking';
import type { WorkResult } from '../example.js';
import { NotNowError } from '../not-now.error.js';
import { QuickstartError } from '../quickstart.error.js';

/** Longer than the transaction of a trip may take. */
const TIMEOUT_MS = 40_000;

/** Returns what a trip is called in this run. */
export function tripKey(tripNo: number): string {
  return `trip-${tripNo}`;
}

/**
 * Asks the bookings at `url` for a trip. Its number makes it safe to ask again.
 *
 * @throws NotNowError when nothing is known of it, or somebody is away. @throws QuickstartError when it is not understood.
 */
export async function bookTrip(url: string, trip: NewTrip): Promise<WorkResult> {
  const response = await post(`${url}/trips`, trip);
  const text = await response.text().catch(notNow);
  if (response.status === 201) {
    const { outcome, reason } = JSON.parse(text) as BookedTrip;
    return { outcome, reason };
  }
  if (response.status === 409 || response.status >= 500) {
    throw new NotNowError(text);
  }
  throw new QuickstartError(`The bookings answered ${response.status} to trip ${trip.tripNo}: ${text}`);
}

async function post(url: string, body: object): Promise<Response> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
  return fetch(url, request).catch(notNow);
}

function notNow(cause: unknown): never {
  throw new NotNowError('The bookings do not answer.', { cause });
}
