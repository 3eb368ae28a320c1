import { join } from 'node:path';
import type { ExampleService, Surroundings } from '../example.js';
import { REPOSITORY } from '../options.js';

export const FOLDER = join(REPOSITORY, 'examples', 'music-shop');

export const SERVICES = ['orders', 'stock', 'payments'] as const;
export type ServiceName = (typeof SERVICES)[number];

export function databaseOf(name: ServiceName): string {
  return `shop_${name}`;
}

/** Returns the port of the service's own API. */
export function portOf(name: ServiceName, { firstPort }: Surroundings): number {
  return firstPort + SERVICES.indexOf(name);
}

/** Returns how to start a service of the shop. */
export function serviceOf(name: ServiceName, surroundings: Surroundings): ExampleService {
  const port = portOf(name, surroundings);
  const environment = {
    DATABASE_URL: surroundings.databaseUrls[databaseOf(name)] ?? '',
    COORDINATOR_URL: surroundings.coordinatorUrl,
    PORT: String(port),
    COMMANDS_PORT: String(port + SERVICES.length),
    ...surroundings.kafka,
  };
  return {
    plan: { name, entry: join(FOLDER, 'dist', name, 'main.js'), environment },
    healthUrl: `http://127.0.0.1:${port}/health`,
  };
}
