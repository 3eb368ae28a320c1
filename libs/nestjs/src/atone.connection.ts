import {
  createAtoneClient,
  createRegistration,
  startCommandServer,
  type AtoneClient,
  type BarrierJanitor,
  type Participant,
  type ParticipantLog,
} from '@atone/participant';
import type { InjectionToken } from '@nestjs/common';
import type { FoundAction } from './action.discovery.js';
import type { AtoneOptions, ListenOptions } from './atone.options.js';
import { drawInstance } from './instance.name.js';
import { nestLog } from './nest.log.js';

/** A service that is about to take commands. */
export interface ServedService {
  readonly options: AtoneOptions;
  readonly listen: ListenOptions;
  readonly actions: readonly FoundAction[];
  readonly participant: Participant;
  /** Removes old rows of the barrier from its `start` to its `stop`; undefined where they are to stay. */
  readonly janitor: BarrierJanitor | undefined;
  readonly client: AtoneClient;
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
}

/** The token of a connection that takes the place of HTTP in all services of the application. Only tests provide one. */
export const ATONE_CONNECTION: InjectionToken<AtoneConnection> = Symbol.for('atone.connection');

/** HTTP in both directions: the coordinator's API, and a command server in this process. */
export const httpConnection: AtoneConnection = {
  client({ service, coordinator: { url, token, patience } }) {
    return createAtoneClient({ url, token, patience, service });
  },
  async serve({ options, listen, actions, participant, janitor, client }) {
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
    return {
      commandUrl: server.url,
      close: async () => {
        await Promise.all([registration.stop(), janitor?.stop()]);
        await server.close();
      },
    };
  },
};
