import type { Server } from 'node:net';
import type { INestMicroservice } from '@nestjs/common';
import { Transport, type ClientProvider, type MicroserviceOptions } from '@nestjs/microservices';
import { startNats } from './nats.fixture.js';
import { startRedis } from './redis.fixture.js';

/** What carries messages between services: Nest's servers and clients, with their real client libraries. */
export interface Wire {
  /** How a service listens. */
  readonly served: MicroserviceOptions;
  /** How clients reach it, once it listens. */
  reach(service: INestMicroservice): ClientProvider;
  close(): Promise<void>;
}

/** A wire of each kind, by the name of its transport. */
export const WIRES: readonly (readonly [string, () => Promise<Wire>])[] = [
  ['TCP', tcp],
  ['NATS', nats],
  ['Redis', redis],
];

/** Starts listening on any port of the loopback. */
export async function tcp(): Promise<Wire> {
  const options = { host: '127.0.0.1', port: 0 };
  return {
    served: { transport: Transport.TCP, options },
    reach: (service) => {
      const { port } = service.unwrap<Server>().address() as { port: number };
      return { transport: Transport.TCP, options: { ...options, port } };
    },
    close: async () => undefined,
  };
}

/** Starts a broker of NATS. */
export async function nats(): Promise<Wire> {
  const broker = await startNats();
  const servers = [`${broker.host}:${broker.port}`];
  return {
    // As all instances of a service do, it takes each message once.
    served: { transport: Transport.NATS, options: { servers, queue: 'desk' } },
    reach: () => ({ transport: Transport.NATS, options: { servers, headers: { 'x-from': 'orders' } } }),
    close: () => broker.close(),
  };
}

async function redis(): Promise<Wire> {
  const broker = await startRedis();
  const { host, port } = broker;
  return {
    served: { transport: Transport.REDIS, options: { host, port } },
    reach: () => ({ transport: Transport.REDIS, options: { host, port } }),
    close: () => broker.close(),
  };
}
