import type { AtoneClient } from '../client.js';
import type { LocalService } from '../led/call.router.js';
import { createMiddleware, type Middleware } from '../led/http.express.js';
import { createFastifyPlugin, type FastifyPluginLike } from '../led/http.fastify.js';
import { createFetch, type FetchLike, type FetchOptions } from '../led/http.fetch.js';
import type { GlobalTransactions, GlobalTransactionsOptions } from '../led/global.options.js';
import { createPortGlobalTransactions } from '../led/global.transactions.js';
import type { InboundHeaders } from '../led/http.context.js';
import { runInboundOver, type InboundOptions, type InboundResult } from '../led/inbound.js';
import {
  createPortServiceCalls,
  type ServiceCalls,
  type ServiceCallsOptions,
} from '../led/service.client.js';
import {
  createPortDirectory,
  type DirectoryOptions,
  type ServiceDirectory,
} from '../led/service.directory.js';
import { elapsedClock, nodeClientPorts } from './client.node.js';
import { nodeLedPorts } from './led.runtime.js';
import type { ServiceLog } from './service.log.js';
import type { ServiceOptions } from './service.options.js';
import { systemClock } from './system-clock.js';

/** Returns what leads global transactions for one service. One for each process is enough. */
export function createGlobalTransactions(options: GlobalTransactionsOptions): GlobalTransactions {
  return createPortGlobalTransactions(options, nodeLedPorts());
}

/** Returns what makes the calls of service clients, by Node's own HTTP client or the given `fetch`. */
export function createServiceCalls(
  options: ServiceCallsOptions & { readonly fetch?: typeof fetch | undefined },
): ServiceCalls {
  return createPortServiceCalls(options, { send: nodeClientPorts(options.fetch).send, time: systemClock });
}

/** Returns a directory of configured services and those of the coordinator's catalogue. */
export function createServiceDirectory(options: DirectoryOptions): ServiceDirectory {
  return createPortDirectory(options, elapsedClock);
}

/** What the calls of a service take beside its options. */
export interface CallingParts {
  readonly client: AtoneClient;
  /** Carries out the calls of its own actions. */
  readonly local?: LocalService | undefined;
  readonly log?: ServiceLog | undefined;
}

/** Returns what makes the calls of a service as its options say: by requests, and over Kafka where it has a client of it. */
export function createCallsOf(
  options: Pick<ServiceOptions, 'service' | 'services' | 'keys' | 'kafka'>,
  { client, local, log }: CallingParts,
): ServiceCalls {
  const { service, services, keys } = options;
  const kafka = options.kafka?.callsOf?.({ service, keys, log, coordinator: client });
  const reachesTopic = kafka && ((topic: string) => kafka.reaches(topic));
  const directory = createServiceDirectory({ urls: services, client, reachesTopic });
  return createServiceCalls({ directory, local, kafka, key: keys?.[0] });
}

/** Returns a `fetch` whose calls take part in the led transaction around them; see `FetchOptions` for what travels to whom. */
export function atoneFetch(fetchWith?: typeof fetch, options?: FetchOptions): typeof fetch;
export function atoneFetch<Other extends FetchLike>(fetchWith: Other, options?: FetchOptions): Other;
export function atoneFetch(fetchWith: FetchLike = fetch, options: FetchOptions = {}): FetchLike {
  // Nothing is used of a call and its answer but what all of them have.
  return createFetch(fetchWith as typeof fetch, options);
}

/**
 * Runs the handler of a request, or of a message with a reply, in the led transaction that its headers tell of; without them,
 * outside of any. For transports that have no adapter here.
 *
 * @throws BadContextError for headers that cannot be read: answer 400, and do nothing.
 * @throws MisuseError when the handler returned while its calls were in flight: answer no success.
 * @throws what the handler throws, and what the registrar throws.
 */
export function runInbound<Result>(
  request: InboundOptions & { readonly headers: InboundHeaders },
  handler: () => Promise<Result>,
): Promise<InboundResult<Result>> {
  return runInboundOver({ ...request, ports: nodeLedPorts() }, handler);
}

/**
 * Returns a middleware for Express, or any server of Node: requests that are part of a led transaction run in it, and their
 * answers tell what they have enlisted. It belongs before the routes.
 *
 * A request whose context cannot be read is answered with 400. An answer of success while calls are in flight becomes 500.
 */
export function atoneExpress(options: InboundOptions = {}): Middleware {
  return createMiddleware(options, nodeLedPorts());
}

/** Returns a plugin for Fastify that does the same as `atoneExpress`. It belongs before the routes. */
export function atoneFastify(options: InboundOptions = {}): FastifyPluginLike {
  return createFastifyPlugin(options, nodeLedPorts());
}
