import type { Draws } from '../plan/draws.js';
import type { SimulationOptions } from '../plan/options.js';

/** By what commands of coordinators come to a service. */
export interface Ways {
  readonly http: boolean;
  readonly kafka: boolean;
}

const MIXED: readonly Ways[] = [
  { http: true, kafka: false },
  { http: false, kafka: true },
  { http: true, kafka: true },
];

/** Returns how a service with the library is reached, the same at each call. */
export function waysOf(service: string, kafka: SimulationOptions['kafka'], draws: Draws): Ways {
  switch (kafka) {
    case undefined:
      return { http: true, kafka: false };
    case 'alone':
      return { http: false, kafka: true };
    case 'mixed':
      return MIXED[Math.floor(draws.at(`ways to ${service}`, 0) * MIXED.length)] as Ways;
  }
}
