import {
  createAtoneClient,
  createRegistration,
  createServiceCalls,
  createServiceDirectory,
  startCommandServer,
  type AtoneClient,
  type BarrierJanitor,
  type DoubtSweeper,
  type LedPorts,
  type LocalDatabase,
  type LocalService,
  type Participant,
  type ParticipantLog,
  type ServiceCalls,
} from '@atone/participant';
import type { InjectionToken } from '@nestjs/common';
import type { FoundAction } from './action.discovery.js';
import type { AtoneOptions, ListenOptions } from './atone.options.js';
import { plainFetch } from './led/global.fetch.js';
import { drawInstance } from './instance.name.js';
import { nestLog } from './nest.log.js';

/** A service that is about to take commands. */
export interface ServedService {
  readonly options: AtoneOptions;
  readonly listen: ListenOptions;
  readonly actions: readonly FoundAction[];
  readonly participant: Participant;
  /** Where the barrier is. */
  readonly database: LocalDatabase<unknown>;
  /** Removes old rows of the barrier from its `start` to its `stop`; undefined where they are to stay. */
  readonly janitor: BarrierJanitor | undefined;
  /** Asks about branches in doubt, from its `start` to its `stop`. */
  readonly sweeper: DoubtSweeper;
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
  /** Returns what makes the calls of clients. Default: over HTTP, whatever the rest of the connection is. */
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
    // What is said to the coordinator is no call of the transaction around it.
    return createAtoneClient({ url, token, patience, service, fetch: plainFetch });
  },
  async serve({ options, listen, actions, participant, janitor, sweeper, client }) {
    const { service, lane, version, keys, instance = drawInstance() } = options;
    const server = await startCommandServer({ participant, host: listen.host, port: listen.port, keys });
    const baseUrl = listen.advertise ?? new URL(server.url).origin;
    const log = nestLog('Atone');
    const registration = createRegistration({
      client,
      service,
      instance,
      baseUrl,
      lane,
      version,
      actions,
      log,
    });
    registration.start();
    janitor?.start();
    sweeper.start();
    return {
      commandUrl: server.url,
      close: async () => {
        await Promise.all([registration.stop(), janitor?.stop(), sweeper.stop()]);
        await server.close();
      },
    };
  },
};

/** Returns what makes the calls of clients over HTTP, to where the options or the coordinator's catalogue say. */
export function httpCalls({ options, client, local }: CallingService): ServiceCalls {
  const { services, keys } = options;
  return createServiceCalls({
    directory: createServiceDirectory({ urls: services, client }),
    local,
    key: keys?.[0],
    // The call has its number already, and is no second one for being sent over HTTP.
    fetch: plainFetch,
  });
}
