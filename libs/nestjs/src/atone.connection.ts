import {
  createAtoneClient,
  createCallsOf,
  serveCommands,
  type AtoneClient,
  type LedPorts,
  type ListenOptions,
  type LocalDatabase,
  type LocalService,
  type ParticipantLog,
  type ServiceCalls,
  type ServiceWorkers,
} from '@atone/participant';
import type { InjectionToken } from '@nestjs/common';
import type { FoundAction } from './action.discovery.js';
import type { AtoneOptions } from './atone.options.js';
import { nestLog } from './nest.log.js';

/** A service that is about to take commands. */
export interface ServedService extends ServiceWorkers {
  readonly options: AtoneOptions;
  /** Undefined where commands come over Kafka alone. */
  readonly listen: ListenOptions | undefined;
  readonly actions: readonly FoundAction[];
  /** Where the barrier is. */
  readonly database: LocalDatabase<unknown>;
  readonly client: AtoneClient;
}

/** A service that calls others by clients. */
export interface CallingService {
  readonly options: AtoneOptions;
  readonly client: AtoneClient;
  /** Carries out the calls of its own actions. */
  readonly local: LocalService;
}

/** A service that takes commands. */
export interface Serving {
  /** Where commands are taken, if that is an address. */
  readonly commandUrl?: string | undefined;
  /** Leaves the catalogue, takes no more commands, and resolves when those that run are through. */
  close(): Promise<void>;
}

/** How a service and its coordinator reach each other. */
export interface AtoneConnection {
  /** Returns the client that `Sagas` uses. */
  client(options: AtoneOptions): AtoneClient;
  /** Has commands brought to the participant, and enters it in the catalogue. */
  serve(service: ServedService): Promise<Serving>;
  /** Returns where failed executions are told, given where they usually are. */
  log?(usual: ParticipantLog): ParticipantLog;
  /** Returns what makes the calls of clients. Default: over HTTP or Kafka, whatever the rest of the connection is. */
  calls?(service: CallingService): ServiceCalls;
  /** Returns the database as the barrier is to see it, given the one of the service. */
  database?(usual: LocalDatabase<unknown>): LocalDatabase<unknown>;
  /** The clock and the dice of led transactions. Default: the real ones. */
  readonly ledPorts?: LedPorts;
}

/** The token of a connection that takes the place of HTTP in all services of the application. Only tests provide one. */
export const ATONE_CONNECTION: InjectionToken<AtoneConnection> = Symbol.for('atone.connection');

/** HTTP in both directions: the coordinator's API, and a command server in this process. */
export const httpConnection: AtoneConnection = {
  client({ service, coordinator: { url, token, patience } }) {
    // By Node's own client, and not by `fetch`: what is said to the coordinator is no call of the transaction around it.
    return createAtoneClient({ url, token, patience, service });
  },
  serve(service) {
    return serveCommands({ ...service, log: nestLog('Atone') }, service.listen);
  },
};

/** Returns what makes the calls of clients, over HTTP or Kafka, to where the options or the coordinator's catalogue say. */
export function usualCalls({ options, client, local }: CallingService): ServiceCalls {
  return createCallsOf(options, { client, local, log: nestLog('Atone') });
}
