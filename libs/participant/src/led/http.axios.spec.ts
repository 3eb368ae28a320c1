import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import axios from 'axios';
import { z } from 'zod';
import { action, contract } from '../contract.js';
import { elapsedClock } from '../node/client.node.js';
import { atoneExpress } from '../node/led.node.js';
import { done, LedWorld } from '../testing/led.world.js';
import { createPortGlobalTransactions } from './global.transactions.js';
import { instrumentAxios } from './http.axios.js';
import { createServiceClient, type ServiceClient } from './service.client.js';

const contractOfRooms = contract('rooms', {
  book: action({ input: z.object({}), output: z.object({ ok: z.boolean() }) }),
});

let world: LedWorld;
let rooms: ServiceClient<typeof contractOfRooms>;
let server: Server | undefined;

beforeEach(() => {
  world = new LedWorld();
  world.services.set('rooms', async (command) => done(command));
  rooms = createServiceClient(contractOfRooms, { calls: world.calls() });
});

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Leads over the real clock: what crosses a socket does not wait for a virtual one. */
function lead<Result>(work: () => Promise<Result>): Promise<Result> {
  const { coordinator, ports } = world;
  const options = { service: 'orders', coordinator };
  return createPortGlobalTransactions(options, { ...ports, clock: elapsedClock }).run({ name: 'trip' }, work);
}

/** A service that answers each request with the status that `handler` returns. */
async function serve(handler: (path: string) => Promise<number>): Promise<string> {
  const middleware = atoneExpress({ registrar: world.coordinator });
  const serving = createServer((request: IncomingMessage, response: ServerResponse) => {
    middleware(request, response, () => {
      void handler(request.url ?? '').then((status) => response.writeHead(status).end('{}'));
    });
  });
  server = serving;
  await new Promise<void>((resolve) => {
    serving.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(serving.address() as AddressInfo).port}`;
}

function decidedIds(): (string | undefined)[] {
  return (world.coordinator.decision?.branches ?? []).map(({ branchId }) =>
    branchId.replace(/~[a-z0-9]+\./u, '~run.'),
  );
}

describe('axios', () => {
  test('takes part: what returned is on the list, what threw is not', async () => {
    const url = await serve(async (path) => {
      await rooms.book({});
      return path === '/no' ? 409 : 200;
    });
    const client = instrumentAxios(axios.create({ baseURL: url }));

    await lead(async () => {
      await client.post('/yes', {});
      await expect(client.get('/no')).rejects.toMatchObject({ response: { status: 409 } });
      await expect(client.get('http://127.0.0.1:1/')).rejects.toThrow('ECONNREFUSED');
    });

    expect(decidedIds()).toEqual(['1~run.1']);
    expect(world.coordinator.decision?.thrown).toMatchObject([{ branchId: expect.stringMatching(/^2~/u) }]);
  });

  test('takes part whatever other interceptors hand on, and wherever they throw', async () => {
    const url = await serve(async () => {
      await rooms.book({});
      return 200;
    });
    const client = axios.create({ baseURL: url });
    client.interceptors.request.use((config) => {
      if (config.url === '/never') {
        throw new Error('not sent');
      }
      return config;
    });
    client.interceptors.response.use((answer) => answer.data as never);
    instrumentAxios(client);

    await lead(async () => {
      await client.get('/yes');
      await expect(client.get('/never')).rejects.toThrow('not sent');
    });

    expect(decidedIds()).toEqual(['1~run.1']);
  });
});
