import { similarName } from '@atone/core';
import type { CleanUpOptions } from '../barrier.janitor.js';
import type { SweepOptions } from '../doubt.sweeper.js';
import { MisuseError } from '../participant.error.js';
import type { BarrierOptions, CoordinatorOptions, ListenOptions, ServiceOptions } from './service.options.js';
import type { ParticipantStartOptions } from './start.options.js';

/** The names of all options of a kind, so that a new one does not compile until it is known: `true`, or what its own options are. */
export type OptionNames<Options = Readonly<Record<string, unknown>>> = {
  readonly [Name in keyof Required<Options>]: true | OptionNames;
};

const COORDINATOR: OptionNames<CoordinatorOptions> = { url: true, token: true, patience: true };
const CLEAN_UP: OptionNames<CleanUpOptions> = { every: true, keepFor: true, batch: true };
const DOUBTS: OptionNames<SweepOptions> = { every: true, batch: true };
const BARRIER: OptionNames<BarrierOptions> = { migrate: true, cleanUp: CLEAN_UP, doubts: DOUBTS };
const LISTEN: OptionNames<ListenOptions> = { host: true, port: true, advertise: true };

type SharedOptions = ServiceOptions &
  Required<Pick<ParticipantStartOptions<unknown>, 'coordinator' | 'database' | 'listen'>>;

/** What a service says of itself in any framework. */
export const SERVICE_OPTION_NAMES: OptionNames<SharedOptions> = {
  service: true,
  keys: true,
  barrier: BARRIER,
  services: true,
  kafka: true,
  lane: true,
  version: true,
  instance: true,
  parallelMax: true,
  coordinator: COORDINATOR,
  database: true,
  listen: LISTEN,
};

/** Where options were given, for people, and which there are. */
export interface OptionPlace {
  readonly place: string;
  readonly names: OptionNames;
}

/**
 * Looks at the options of a service before anything is started with them: types may have been silenced, or come from outside.
 *
 * @throws MisuseError for a name that is no option, and where `service` or the coordinator is missing.
 */
export function refuseUnknownOptions(options: object, { place, names }: OptionPlace): void {
  const problem = unknownName(options, names) ?? missingOption(options as Readonly<Record<string, unknown>>);
  if (problem !== undefined) {
    throw new MisuseError(`The options of ${place} cannot work: ${problem}.`);
  }
}

/** Returns what is said to somebody who wrote `word`, and meant one of `words`. */
export function suggestion(word: string, words: readonly string[]): string {
  const similar = similarName(word, words);
  return similar === undefined ? `There are ${words.join(', ')}` : `Perhaps '${similar}' was meant`;
}

/** Returns what is wrong with the first name that is no option, or undefined for nothing. */
export function unknownName(options: object, names: OptionNames, path = ''): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    const known = Object.hasOwn(names, name) ? names[name] : undefined;
    if (known === undefined) {
      const paths = Object.keys(names).map((other) => `${path}${other}`);
      return `there is no option '${path}${name}'. ${suggestion(`${path}${name}`, paths)}`;
    }
    const below =
      known === true || !isObject(value) ? undefined : unknownName(value, known, `${path}${name}.`);
    if (below !== undefined) {
      return below;
    }
  }
  return undefined;
}

function missingOption({ service, coordinator }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof service !== 'string' || service === '') {
    return "`service` is missing. Say by which name contracts and plans know this service: `service: 'payments'`";
  }
  return isObject(coordinator)
    ? undefined
    : "`coordinator` is missing. Say where it is: `coordinator: { url: 'http://localhost:7070' }`";
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
