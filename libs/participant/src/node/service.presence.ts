import type { AtoneClient } from '../client.js';
import type { RegisteredAction } from '../registration.js';
import { startCommandServer } from './command-server.js';
import { drawInstance } from './instance.name.js';
import { createRegistration } from './registration.node.js';
import type { ServiceLog } from './service.log.js';
import type { ListenOptions, ServiceOptions } from './service.options.js';
import type { ServiceWorkers } from './service.workers.js';

/** A service whose workers are ready. */
export interface ReadyService extends ServiceWorkers {
  readonly options: Pick<ServiceOptions, 'service' | 'instance' | 'lane' | 'version' | 'keys'>;
  readonly client: AtoneClient;
  readonly actions: readonly RegisteredAction[];
  readonly log?: ServiceLog | undefined;
}

/** A service that others can find. */
export interface Presence {
  /** Whether the coordinator knows the instance, as far as this side can tell. */
  readonly isRegistered: boolean;
  /** Leaves the catalogue, and resolves when nothing is done in the background any more. */
  close(): Promise<void>;
}

/** Enters the service in the catalogue as reached at `baseUrl`, and has its janitor and its sweeper begin. */
export function announceService(service: ReadyService, baseUrl: string): Presence {
  const { options, client, actions, log, janitor, sweeper } = service;
  const { instance = drawInstance(), lane, version } = options;
  const entry = { service: options.service, instance, baseUrl, lane, version, actions };
  const registration = createRegistration({ ...entry, client, log });
  const workers = [registration, sweeper, ...(janitor === undefined ? [] : [janitor])];
  workers.forEach((worker) => worker.start());
  return {
    get isRegistered() {
      return registration.isRegistered;
    },
    close: async () => void (await Promise.all(workers.map((worker) => worker.stop()))),
  };
}

/** A service that takes commands at a server of its own. */
export interface CommandPresence extends Presence {
  /** Where commands are taken. */
  readonly commandUrl: string;
}

/**
 * Opens a command server for the service, and announces it there. Closed, it leaves the catalogue, takes no more commands, and
 * waits for those that run.
 *
 * @throws MisuseError if other machines could send commands and need not sign them, or if it cannot listen there.
 */
export async function serveCommands(service: ReadyService, listen: ListenOptions): Promise<CommandPresence> {
  const { participant, options } = service;
  const { host, port } = listen;
  const server = await startCommandServer({ participant, host, port, keys: options.keys });
  const presence = announceService(service, listen.advertise ?? new URL(server.url).origin);
  return {
    commandUrl: server.url,
    get isRegistered() {
      return presence.isRegistered;
    },
    close: async () => {
      await presence.close();
      await server.close();
    },
  };
}
