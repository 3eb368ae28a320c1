import type { AtoneClient } from '../client.js';
import type { RegisteredAction, RegistrationOptions } from '../registration.js';
import { startCommandServer, type CommandServer } from './command-server.js';
import type { OpenCommandSource } from './command.source.js';
import { drawInstance } from './instance.name.js';
import { createRegistration } from './registration.node.js';
import type { ServiceLog } from './service.log.js';
import type { ListenOptions, ServiceOptions } from './service.options.js';
import type { ServiceWorkers } from './service.workers.js';

/** A service whose workers are ready. */
export interface ReadyService extends ServiceWorkers {
  readonly options: Pick<ServiceOptions, 'service' | 'instance' | 'lane' | 'version' | 'keys' | 'kafka'>;
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

/** Enters the service in the catalogue as reached there, and has its janitor and its sweeper begin. */
export function announceService(
  service: ReadyService,
  reached: Pick<RegistrationOptions, 'baseUrl' | 'kafka'>,
): Presence {
  const { options, client, actions, log, janitor, sweeper } = service;
  const { instance = drawInstance(), lane, version } = options;
  const entry = { service: options.service, instance, ...reached, lane, version, actions };
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

/** A service that takes commands by itself. */
export interface CommandPresence extends Presence {
  /** Where requests with commands are taken, if at all. */
  readonly commandUrl: string | undefined;
}

/**
 * Opens what brings commands to the service: a command server, what its options say of Kafka, or both; and announces it there.
 * Closed, it leaves the catalogue, takes no more commands, and waits for those that run.
 *
 * @throws MisuseError if other machines could send commands and need not sign them, or if it cannot listen there. @throws what
 *   keeps it from taking commands over Kafka.
 */
export async function serveCommands(
  service: ReadyService,
  listen: ListenOptions | undefined,
): Promise<CommandPresence> {
  const server = listen === undefined ? undefined : await openServer(service, listen);
  const source = await openSource(service, server);
  const baseUrl = server === undefined ? undefined : (listen?.advertise ?? new URL(server.url).origin);
  const presence = announceService(service, { baseUrl, kafka: source?.kafka });
  return {
    commandUrl: server?.url,
    get isRegistered() {
      return presence.isRegistered;
    },
    close: async () => {
      await presence.close();
      await Promise.all([server?.close(), source?.close()]);
    },
  };
}

async function openServer(
  { participant, options }: ReadyService,
  { host, port }: ListenOptions,
): Promise<CommandServer> {
  return startCommandServer({ participant, host, port, keys: options.keys });
}

/** Who has opened the one must not leave it open when the other cannot be. */
async function openSource(
  { participant, options, client, log }: ReadyService,
  server: CommandServer | undefined,
): Promise<OpenCommandSource | undefined> {
  const { lane, keys } = options;
  try {
    return await options.kafka?.open({ participant, lane, keys, log, coordinator: client });
  } catch (error) {
    await server?.close();
    throw error;
  }
}
