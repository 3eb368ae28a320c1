import type { KafkaClient } from '@atone/kafka';
import { AtoneKafkaServer } from '@atone/nestjs/kafka';
import { action, contract, createParticipant } from '@atone/participant';
import { createKafkaCalls, startKafkaCommands } from '@atone/participant/kafka';
import { MemoryDatabase } from '@atone/participant/testing';
import { coordinatorTopics } from '@atone/transport-kafka';
import { Logger } from '@nestjs/common';
import { z } from 'zod';
import { KEY } from '../harness/kafka.sagas.js';
import { until } from '../harness/until.js';

const SPREAD = { partitionCount: 3, replicationFactor: 1 };

export interface AclService {
  close(): Promise<void>;
}

/** Where somebody works. */
export interface AclPlace {
  readonly client: KafkaClient;
  readonly prefix: string;
  /** Whether it has its topics created. Default: no. */
  readonly isCreating?: boolean;
}

/** Returns the topics of an order service: of what it is asked, and of its answers. Nothing says that they are named by the prefix. */
export function orderTopics(prefix: string): { readonly placed: string; readonly reply: string } {
  return { placed: `${prefix}-order.placed`, reply: `${prefix}-order.placed.reply` };
}

/** Starts a service that answers requests, and throws at what is called bad. */
export async function startOrders({ client, prefix, isCreating }: AclPlace): Promise<AclService> {
  // Dead letters are what it is here for.
  Logger.overrideLogger(false);
  const server = new AtoneKafkaServer({
    client,
    prefix,
    groupId: `${prefix}-orders`,
    attemptMax: 1,
    createTopics: isCreating === true ? SPREAD : undefined,
  });
  server.addHandler(orderTopics(prefix).placed, async (order: unknown) => {
    if (order === 'bad') {
      throw new Error('There is no such order.');
    }
    return Promise.resolve('placed');
  });
  await new Promise<void>((resolve, reject) => {
    void server.listen((error) => (error === undefined ? resolve() : reject(error)));
  });
  return server;
}

/** Starts an instance of `stock`, in a lane or in none. */
export async function startStock(
  { client, prefix, isCreating }: AclPlace,
  lane?: string,
): Promise<AclService> {
  const input = z.object({ name: z.string() });
  const handler = {
    contract: contract('stock', { do: action({ input, output: z.null() }) }).do,
    run: async () => Promise.resolve(null),
    compensate: async () => Promise.resolve(),
  };
  const database = new MemoryDatabase().connect();
  return startKafkaCommands({
    participant: createParticipant({ service: 'stock', database, handlers: [handler] }),
    client,
    lane,
    prefix,
    keys: [KEY],
    createTopics: isCreating === true ? SPREAD : undefined,
  });
}

type Creator = (place: AclPlace) => Promise<AclService | void>;

/** What each of them does that has its topics created: it ends when it may, and throws what keeps it from that. */
export const CREATORS: Readonly<Record<'coordinator' | 'stock' | 'trips' | 'orders', Creator>> = {
  coordinator: async ({ client, prefix }) => client.createTopics(coordinatorTopics(prefix, SPREAD)),
  stock: async (place) => startStock({ ...place, isCreating: true }),
  trips: async ({ client, prefix }) => {
    const troubles: unknown[] = [];
    const log = { warn: (fields: unknown) => troubles.push(fields) };
    const calls = createKafkaCalls({ service: 'trips', client, prefix, createTopics: SPREAD, log });
    calls.open();
    await until('trips may be answered, or not', () => calls.isReady || troubles.length > 0);
    await calls.close();
    if (troubles.length > 0) {
      throw new Error(JSON.stringify(troubles));
    }
  },
  orders: async (place) => startOrders({ ...place, isCreating: true }),
};

/** Returns the topics that somebody has created. */
export function createdTopics(who: keyof typeof CREATORS, prefix: string): readonly string[] {
  const own = {
    coordinator: `${prefix}.replies`,
    stock: `${prefix}.commands.stock`,
    trips: `${prefix}.replies.trips`,
    orders: orderTopics(prefix).placed,
  };
  return [own[who], `${prefix}.dead`];
}
