import { join } from 'node:path';
import type { ExampleService, Surroundings } from '../example.js';
import { REPOSITORY } from '../options.js';

const FOLDER = join(REPOSITORY, 'examples', 'travel-booking');

/** The first three take commands at a port of their own. */
export const SERVICES = ['flights', 'hotels', 'bookings', 'cars', 'insurance'] as const;
export type ServiceName = (typeof SERVICES)[number];

export const PORT_COUNT = SERVICES.length + 3;

export function databaseOf(name: ServiceName): string {
  return `travel_${name}`;
}

/** Returns where the service's own API is. */
export function urlOf(name: ServiceName, surroundings: Surroundings): string {
  return `http://127.0.0.1:${portOf(name, surroundings)}`;
}

/** Returns how to start a service of the agency. */
export function serviceOf(name: ServiceName, surroundings: Surroundings): ExampleService {
  const port = portOf(name, surroundings);
  const environment = {
    DATABASE_URL: surroundings.databaseUrls[databaseOf(name)] ?? '',
    COORDINATOR_URL: surroundings.coordinatorUrl,
    INSURANCE_URL: urlOf('insurance', surroundings),
    PORT: String(port),
    COMMANDS_PORT: String(port + SERVICES.length),
    ...surroundings.kafka,
  };
  return {
    plan: { name, entry: join(FOLDER, 'dist', name, 'main.js'), environment },
    healthUrl: `${urlOf(name, surroundings)}/health`,
  };
}

function portOf(name: ServiceName, { firstPort }: Surroundings): number {
  return firstPort + SERVICES.indexOf(name);
}
