import type { Example } from './example.js';
import { musicShop } from './music-shop/music-shop.example.js';
import { travelBooking } from './travel-booking/travel-booking.example.js';
import { QuickstartError } from './quickstart.error.js';

const DEFAULT_NAME = 'music-shop';

const EXAMPLES: Readonly<Record<string, Example>> = {
  [DEFAULT_NAME]: musicShop,
  'travel-booking': travelBooking,
};

/** What `--example` chooses from. The first one is shown if nothing is said. */
export const EXAMPLE_NAMES: readonly string[] = Object.keys(EXAMPLES);

/** Returns the example of that name. @throws QuickstartError when there is none. */
export function exampleOf(name: string): Example {
  const example = EXAMPLES[name];
  if (example === undefined) {
    throw new QuickstartError(`There is no example '${name}': choose from ${EXAMPLE_NAMES.join(', ')}.`);
  }
  return example;
}

/** Returns the command that starts the example of that name; options may follow. */
export function commandOf(name: string): string {
  return name === DEFAULT_NAME ? 'npm start --' : `npm start -- --example ${name}`;
}
