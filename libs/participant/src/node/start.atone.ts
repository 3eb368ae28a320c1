import type { AtoneClient } from '../client.js';
import type { LocalDatabase } from '../database.port.js';
import { MisuseError } from '../participant.error.js';
import {
  LeadingService,
  ParticipatingService,
  type AtoneParticipant,
  type AtoneService,
} from './atone.service.js';
import { createAtoneClient } from './client.node.js';
import { standardLog } from './service.log.js';
import { refuseUnknownOptions, SERVICE_OPTION_NAMES, type OptionNames } from './option.names.js';
import { refuseUnknownAddress } from './service.options.js';
import { serveCommands } from './service.presence.js';
import { prepareWorkers } from './service.workers.js';
import type { ParticipantStartOptions, StartOptions } from './start.options.js';

/**
 * Starts what a service needs, without a framework, to carry out actions and to lead transactions. Without handlers it can only
 * lead. The coordinator need not be there yet.
 *
 * @throws MisuseError, BarrierMissingError or BarrierOutdatedError for what could not work; the message tells what to do.
 */
export async function startAtone<Transaction>(
  options: ParticipantStartOptions<Transaction>,
): Promise<AtoneParticipant>;
export async function startAtone(
  options: StartOptions & { readonly handlers?: never },
): Promise<AtoneService>;
export async function startAtone<Transaction>(
  options: StartOptions & Partial<ParticipantStartOptions<Transaction>>,
): Promise<AtoneService> {
  refuseBadOptions(options);
  const log = options.log === false ? undefined : (options.log ?? standardLog());
  const client = clientOfCoordinator(options);
  const { handlers, listen } = options;
  if (handlers === undefined) {
    return new LeadingService({ options, client, log });
  }
  if (listen !== undefined) {
    refuseUnknownAddress(listen);
  }
  const database = requireDatabase(options);
  const workers = await prepareWorkers({ ...options, database, handlers, client, log });
  const ready = { options, client, actions: handlers, log, ...workers };
  const isServed = listen !== undefined || options.kafka !== undefined;
  return new ParticipatingService(ready, isServed ? await serveCommands(ready, listen) : undefined);
}

const NAMES: OptionNames<ParticipantStartOptions<unknown>> = {
  ...SERVICE_OPTION_NAMES,
  log: true,
  handlers: true,
};

function refuseBadOptions(options: StartOptions): void {
  const isClient = typeof options.coordinator === 'object' && 'registerInstance' in options.coordinator;
  const names = isClient ? { ...NAMES, coordinator: true as const } : NAMES;
  refuseUnknownOptions(options, { place: 'startAtone', names });
}

function clientOfCoordinator({ service, coordinator }: StartOptions): AtoneClient {
  if ('registerInstance' in coordinator) {
    return coordinator;
  }
  const { url, token, patience } = coordinator;
  return createAtoneClient({ url, token, patience, service });
}

/** The types ask for it, and not all code is compiled. */
function requireDatabase<Transaction>(
  options: Partial<ParticipantStartOptions<Transaction>>,
): LocalDatabase<Transaction> {
  const { service, database } = options;
  if (database === undefined) {
    throw new MisuseError(
      `The service '${service ?? ''}' has handlers and no database for the barrier. Add \`database: pgDatabase(pool)\` to startAtone, with pgDatabase from @atone/participant/pg.`,
    );
  }
  return database;
}
