import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import axios from 'axios';
import * as undici from 'undici';
import { elapsedClock } from '../node/client.node.js';
import { atoneFetch } from '../node/led.node.js';
import { LedWorld } from '../testing/led.world.js';
import { createPortGlobalTransactions } from './global.transactions.js';
import { instrumentAxios } from './http.axios.js';
import { atoneHeaders, callHttp } from './http.call.js';
import { NoTransactionError, TransactionOverError } from './led.errors.js';
import type { Propagation } from './propagation.js';
import { bindTransaction, currentTransaction } from './transaction.context.js';

let world: LedWorld;
let server: Server;
let url: string;
let requestCount: number;

beforeEach(async () => {
  world = new LedWorld();
  requestCount = 0;
  server = createServer((request, response) => {
    requestCount += 1;
    const branchId = request.headers['atone-branch-id'];
    if (typeof branchId === 'string') {
      const below = [
        {
          branchId: `${branchId}~run.1`,
          service: 'rooms',
          action: 'book',
          kind: 'saga',
          nonce: 'nonce-of-rooms',
        },
      ];
      response.setHeader('atone-enlisted', JSON.stringify({ below }));
    }
    response.statusCode = request.url === '/no' ? 409 : 200;
    response.end('{}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
});

/** Leads over the real clock: what crosses a socket does not wait for a virtual one. */
function lead<Result>(work: () => Promise<Result>, propagation?: Propagation): Promise<Result> {
  const { coordinator, ports } = world;
  const leader = createPortGlobalTransactions(
    { service: 'orders', coordinator },
    { ...ports, clock: elapsedClock },
  );
  return leader.run({ name: 'trip', propagation }, work);
}

function decidedIds(): string[] | undefined {
  return world.coordinator.decision?.branches.map(({ branchId }) => branchId);
}

describe('undici takes part', () => {
  test('by its fetch, whatever it is called with', async () => {
    const call = atoneFetch(undici.fetch);

    await lead(async () => {
      await call(url);
      await call(new URL('/yes', url), { method: 'POST', body: '{}', headers: { accept: 'text/plain' } });
      await call(new undici.Request(url, { method: 'PUT', body: '{}' }));
      await call(`${url}/no`);
    });

    expect(decidedIds()).toEqual(['1~run.1', '2~run.1', '3~run.1']);
    expect(world.coordinator.decision?.thrown).toMatchObject([{ branchId: '4~run.1' }]);
  });

  test('by its request, as a call by hand', async () => {
    await lead(async () => {
      await callHttp((headers) => undici.request(url, { method: 'POST', body: '{}', headers }));
      await callHttp((headers) => undici.request(`${url}/no`, { headers }));
    });

    expect(decidedIds()).toEqual(['1~run.1']);
  });

  test('by its request, with headers that are handed out', async () => {
    await lead(async () => {
      const { headers, answered, failed } = atoneHeaders('GET /yes');
      await undici.request(url, { headers }).then(answered, failed);
    });

    expect(decidedIds()).toEqual(['1~run.1']);
  });
});

const axiosTo = instrumentAxios(axios.create(), { mandatoryTo: (to) => to.hostname === '127.0.0.1' });
const fetchTo = atoneFetch(fetch, {
  mandatoryTo: (to) => to.hostname === '127.0.0.1',
  propagateTo: () => false,
});

describe.each([
  ['fetch', (): Promise<{ status: number }> => fetchTo(url)],
  ['axios', () => axiosTo.get(url)],
])('a call by %s that must be part of a transaction', (_client, call) => {
  test('is refused outside of one, before anything is sent, with the cure', async () => {
    await expect(call()).rejects.toThrow(NoTransactionError);
    await expect(call()).rejects.toThrow(
      new RegExp(
        `^GET ${url}/ needs a global transaction.*\`bindTransaction\`.*\`NOT_SUPPORTED\`; \`mandatoryTo\``,
        'u',
      ),
    );

    expect(requestCount).toBe(0);
  });

  test('is refused where a method runs without one since there is none', async () => {
    await expect(lead(() => call(), 'SUPPORTS')).rejects.toThrow(NoTransactionError);
  });

  test.each<Propagation>(['NOT_SUPPORTED', 'NEVER'])(
    'is made by a method that says %s',
    async (propagation) => {
      await expect(lead(() => call(), propagation)).resolves.toMatchObject({ status: 200 });
    },
  );

  test('is made by what such a method calls in turn', async () => {
    const outside = (): Promise<unknown> => lead(() => lead(() => call(), 'SUPPORTS'), 'NOT_SUPPORTED');

    await expect(lead(outside)).resolves.toMatchObject({ status: 200 });
    expect(decidedIds()).toBeUndefined();
  });

  test('takes part, whatever else is said of its URL', async () => {
    await lead(() => call());

    expect(decidedIds()).toEqual(['1~run.1']);
  });

  test('is refused after the end of its transaction', async () => {
    let late: (() => Promise<unknown>) | undefined;
    await lead(async () => {
      late = bindTransaction(() => call());
    });

    await expect(late?.()).rejects.toThrow(TransactionOverError);
  });
});

describe('a callback', () => {
  test('that is bound runs in the transaction in which it was bound, with what it is called by', async () => {
    const queue: ((ending: string) => void)[] = [];
    const seen: unknown[] = [];
    const queueFilled = new EventEmitter();
    const filled = once(queueFilled, 'filled');

    const leading = lead(async () => {
      await new Promise<void>((resolve) => {
        queueFilled.emit('filled');
        queue.push(
          bindTransaction(function (this: unknown, ending: string) {
            seen.push(currentTransaction()?.name, ending, this);
            resolve();
          }),
          () => seen.push(currentTransaction()?.name),
        );
      });
    });
    await filled;
    queue.toReversed().forEach((callback) => Reflect.apply(callback, 'this', ['called']));
    await leading;

    expect(seen).toEqual([undefined, 'trip', 'called', 'this']);
  });
});
