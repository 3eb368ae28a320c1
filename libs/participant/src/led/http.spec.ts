import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import fastify from 'fastify';
import { z } from 'zod';
import { action, contract } from '../contract.js';
import { elapsedClock } from '../node/client.node.js';
import { atoneExpress, atoneFastify, atoneFetch, runInbound } from '../node/led.node.js';
import { done, LedWorld } from '../testing/led.world.js';
import { createPortGlobalTransactions } from './global.transactions.js';
import { atoneHeaders, callHttp } from './http.call.js';
import { CallsInFlightError } from './led.errors.js';
import { createServiceClient, type ServiceClient } from './service.client.js';
import { currentTransaction } from './transaction.context.js';

const contractOfRooms = contract('rooms', {
  book: action({ input: z.object({}), output: z.object({ ok: z.boolean() }) }),
});

type Handler = (path: string) => Promise<{ readonly status: number; readonly body: object }>;
type Kind = 'node' | 'express' | 'fastify';

let world: LedWorld;
let rooms: ServiceClient<typeof contractOfRooms>;
const closing: (() => Promise<unknown>)[] = [];
const call = atoneFetch();

beforeEach(() => {
  world = new LedWorld();
  world.services.set('rooms', async (command) => done(command));
  rooms = createServiceClient(contractOfRooms, { calls: world.calls() });
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** Leads over the real clock: what crosses a socket does not wait for a virtual one. */
function lead<Result>(work: () => Promise<Result>): Promise<Result> {
  const { coordinator, ports } = world;
  const options = { service: 'orders', coordinator };
  return createPortGlobalTransactions(options, { ...ports, clock: elapsedClock }).run({ name: 'trip' }, work);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A service whose requests are taken by an adapter, and answered by `handler`. */
async function serve(kind: Kind, handler: Handler): Promise<string> {
  const registrar = world.coordinator;
  if (kind === 'fastify') {
    const app = fastify();
    app.register(atoneFastify({ registrar }) as never);
    app.all('/*', async (request, reply) => {
      const { status, body } = await handler(request.url);
      return reply.code(status).send(body);
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    closing.push(() => app.close());
    return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  }
  if (kind === 'express') {
    const app = express();
    app.use(express.json());
    app.use(atoneExpress({ registrar }) as never);
    app.use((request, response, next) => {
      handler(request.url).then(({ status, body }) => response.status(status).json(body), next);
    });
    return listen(createServer(app as never));
  }
  const middleware = atoneExpress({ registrar });
  return listen(
    createServer((request: IncomingMessage, response: ServerResponse) => {
      middleware(request, response, () => {
        void handler(request.url ?? '').then(({ status, body }) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.write(JSON.stringify(body));
          return response.end();
        });
      });
    }),
  );
}

function decidedIds(): (string | undefined)[] {
  return (world.coordinator.decision?.branches ?? []).map(({ branchId }) =>
    branchId.replace(/~[a-z0-9]+\./u, '~run.'),
  );
}

async function bookTimes(count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so that their order is known
    await rooms.book({});
  }
}

const ok = { status: 200, body: { ok: true } };

describe.each<Kind>(['node', 'express', 'fastify'])('a service on %s', (kind) => {
  test('takes part in the transaction of its caller, and answers what it has enlisted', async () => {
    const seen: unknown[] = [];
    const url = await serve(kind, async () => {
      const { gid, isInitiator } = currentTransaction() ?? {};
      seen.push(gid, isInitiator);
      await bookTimes(2);
      return ok;
    });

    const answer = await lead(async () =>
      (
        await call(`${url}/trips`, {
          method: 'POST',
          body: '{"a":1}',
          headers: { 'content-type': 'application/json' },
        })
      ).json(),
    );

    expect(answer).toEqual({ ok: true });
    expect(seen).toEqual([world.coordinator.decisions[0]?.gid, false]);
    expect(decidedIds()).toEqual(['1~run.1', '1~run.2']);
  });

  test('that answers no success is off the list, and what it had enlisted is undone', async () => {
    const url = await serve(kind, async () => {
      await bookTimes(1);
      return { status: 422, body: {} };
    });

    const status = await lead(async () => (await call(url)).status);

    expect(status).toBe(422);
    expect(world.coordinator.decision).toMatchObject({
      to: 'commit',
      branches: [],
      thrown: [{ service: 'rooms' }],
    });
  });

  test('that answers success while calls are in flight answers 500, and names them', async () => {
    world.services.set(
      'rooms',
      (command) => new Promise((resolve) => closing.push(async () => resolve(done(command)))),
    );
    const url = await serve(kind, async () => {
      void rooms.book({}).catch(() => undefined);
      return ok;
    });

    const answer = await lead(async () => {
      const response = await call(url);
      return { status: response.status, problem: (await response.json()) as { detail: string } };
    });

    expect(answer).toMatchObject({ status: 500, problem: { code: 'CALLS_IN_FLIGHT' } });
    expect(answer.problem.detail).toContain('rooms.book (call 1~');
  });

  test('that was marked for abort answers 409 with the reason', async () => {
    const url = await serve(kind, async () => {
      currentTransaction()?.setAbortOnly('no beds left');
      return ok;
    });

    expect(await lead(async () => (await call(url)).json())).toMatchObject({
      status: 409,
      detail: 'no beds left',
    });
  });

  test('registers a list that is too long for a header, and answers in short', async () => {
    const url = await serve(kind, async () => {
      await bookTimes(1_000);
      return ok;
    });

    const { header, body } = await lead(async () => {
      const response = await call(url);
      return { header: response.headers.get('atone-enlisted') ?? '', body: await response.json() };
    });

    expect(body).toEqual({ ok: true });
    expect(header.length).toBeLessThan(100);
    expect(world.coordinator.registrations.map(({ request }) => request.branches.length)).toEqual([1_000]);
    expect(world.coordinator.decision).toMatchObject({ branches: [], registered: [{ count: 1_000 }] });
  });

  test.each<[string, Record<string, string>]>([
    ['incomplete', { 'atone-gid': '01980000-0000-7000-8000-000000000001' }],
    ['malformed', { 'atone-gid': 'mine', 'atone-branch-id': '1' }],
  ])('answers 400 to a context that is %s, and does nothing', async (_title, headers) => {
    const seen: string[] = [];
    const url = await serve(kind, async (path) => {
      seen.push(path);
      return ok;
    });

    const response = await fetch(url, { headers });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'BAD_REQUEST', status: 400 });
    expect(seen).toEqual([]);
  });

  test('outside of a transaction, and asked by a coordinator, is what it would be without', async () => {
    const url = await serve(kind, async () => ({
      status: 200,
      body: { gid: currentTransaction()?.gid ?? 'none' },
    }));
    const command = { 'atone-gid': '01980000-0000-7000-8000-000000000001', 'atone-op': 'action' };

    const answers = await Promise.all([fetch(url), fetch(url, { headers: command })]);

    expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual([
      { gid: 'none' },
      { gid: 'none' },
    ]);
  });
});

async function answerTwice(response: ServerResponse): Promise<void> {
  await bookTimes(60);
  response.writeHead(200).end('yes');
  response.writeHead(500).end('no');
}

describe('an answer past the framework', () => {
  test.each(['raw', 'hijack'] as const)(
    'of a handler of Fastify tells the list as well (%s)',
    async (how) => {
      const app = fastify();
      app.register(atoneFastify() as never);
      app.get('/', async (_request, reply) => {
        await bookTimes(1);
        if (how === 'hijack') {
          reply.hijack();
        }
        reply.raw.writeHead(200, { 'content-type': 'text/plain' });
        reply.raw.end('done');
        return how === 'raw' ? reply : undefined;
      });
      await app.listen({ port: 0, host: '127.0.0.1' });
      closing.push(() => app.close());

      await lead(() => call(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`));

      expect(decidedIds()).toEqual(['1~run.1']);
    },
  );

  test('of a handler that fails after it has answered is left out, also while a list is registered', async () => {
    const middleware = atoneExpress({ registrar: world.coordinator });
    const url = await listen(
      createServer((request: IncomingMessage, response: ServerResponse) => {
        middleware(request, response, () => {
          void answerTwice(response);
        });
      }),
    );

    const [status, text] = await lead(async () => {
      const answer = await call(url);
      return [answer.status, await answer.text()] as const;
    });

    expect([status, text]).toEqual([200, 'yes']);
    expect(world.coordinator.decision?.registered).toMatchObject([{ count: 60 }]);
  });
});

/** Answers each request by the next of `answers`; null is a lost answer. */
function fetchOf(...answers: (number | null)[]) {
  const sent: Headers[] = [];
  const fetchWith = async (_input: unknown, init: RequestInit = {}): Promise<Response> => {
    sent.push(new Headers(init.headers));
    const status = answers[Math.min(sent.length, answers.length) - 1];
    if (typeof status !== 'number') {
      throw new TypeError('fetch failed');
    }
    return new Response('{}', { status });
  };
  return { sent, fetchWith: fetchWith as typeof fetch };
}

function leadVirtually<Result>(work: () => Promise<Result>): Promise<Result> {
  return world.clock.run(world.globalTransactions().run({ name: 'trip' }, work));
}

describe('a fetch that takes part', () => {
  test('sends a request without an answer again under the same id, as often as needed', async () => {
    const { sent, fetchWith } = fetchOf(null, null, 200);
    const calling = atoneFetch(fetchWith, { propagateTo: () => true });

    await leadVirtually(() => calling('http://a.test/x', { method: 'POST', body: '{}' }));

    expect(sent.map((headers) => headers.get('atone-branch-id'))).toEqual(['1', '1', '1']);
  });

  test.each<[string, RequestInit, boolean]>([
    ['a POST, by default', { method: 'POST', body: '{}' }, false],
    ['a stream', { method: 'POST', body: new ReadableStream() }, true],
  ])('does not send %s again: nobody knows what that would do', async (_title, init, isNamed) => {
    const { sent, fetchWith } = fetchOf(null, 200);
    const calling = atoneFetch(fetchWith, isNamed ? { propagateTo: () => true } : {});

    await expect(leadVirtually(() => calling('http://a.test/x', init))).rejects.toThrow('fetch failed');
    expect(sent).toHaveLength(1);
  });

  test('tells nothing of the transaction to others, nor outside of one', async () => {
    const { sent, fetchWith } = fetchOf(200);
    const calling = atoneFetch(fetchWith, { propagateTo: ({ hostname }) => hostname === 'a.test' });

    await leadVirtually(() => calling('http://b.test/x'));
    await calling('http://a.test/x');

    expect(sent.map((headers) => headers.get('atone-gid'))).toEqual([null, null]);
  });

  test('leaves a trace that somebody else has set', async () => {
    const { sent, fetchWith } = fetchOf(200);
    world = new LedWorld({ trace: () => ({ traceparent: 'ours', baggage: 'a=1' }) });

    await leadVirtually(() => atoneFetch(fetchWith)('http://a.test', { headers: { traceparent: 'theirs' } }));

    expect(sent.map((headers) => [headers.get('traceparent'), headers.get('baggage')])).toEqual([
      ['theirs', 'a=1'],
    ]);
  });

  test.each([
    ['is no JSON', '{'],
    [
      'enlists for others',
      JSON.stringify({ below: [{ branchId: '12', service: 'a', action: 'b', kind: 'saga' }] }),
    ],
  ])('throws when a normal answer tells a list that %s', async (_title, enlisted) => {
    const calling = atoneFetch(async () => new Response('{}', { headers: { 'atone-enlisted': enlisted } }));

    await expect(leadVirtually(() => calling('http://a.test'))).rejects.toMatchObject({
      code: 'UNKNOWN_OUTCOME',
    });
  });
});

describe('other clients', () => {
  test('a call by hand takes part when it sends the headers that it is given', async () => {
    const url = await serve('node', async () => {
      await bookTimes(1);
      return ok;
    });

    await lead(() => callHttp((headers) => fetch(url, { headers })));

    expect(decidedIds()).toEqual(['1~run.1']);
  });

  test('a client that only takes headers takes part: nothing commits before its answer was told', async () => {
    const url = await serve('node', async () => {
      await bookTimes(1);
      return ok;
    });

    await lead(async () => {
      const { headers, answered } = atoneHeaders('GET /rooms');
      answered(await fetch(url, { headers }));
    });
    expect(decidedIds()).toEqual(['1~run.1']);

    await expect(lead(async () => void atoneHeaders('GET /rooms'))).rejects.toThrow(CallsInFlightError);
    await expect(
      lead(async () => {
        atoneHeaders('GET /rooms').failed();
        throw new Error('no room');
      }),
    ).rejects.toThrow('no room');
  });

  test('a handler without an adapter takes part when its headers are passed on', async () => {
    let answered: Readonly<Record<string, string>> = {};
    await lead(() =>
      callHttp(async (headers) => {
        const { result, responseHeaders } = await runInbound({ headers }, () => rooms.book({}));
        answered = responseHeaders;
        expect(result).toEqual({ ok: true });
        return { status: 200, headers: responseHeaders };
      }),
    );

    expect(Object.keys(answered)).toEqual(['atone-enlisted']);
    expect(decidedIds()).toEqual(['1~run.1']);
  });

  test.each([
    ['hands on the whole time of the transaction', 30_000],
    ['does without the whole time where the service before has not told it', undefined],
  ])('a handler %s', async (_, timeoutMs) => {
    await lead(() =>
      callHttp(async ({ 'atone-timeout-ms': whole, ...others }) => {
        const headers = timeoutMs === undefined ? others : { ...others, 'atone-timeout-ms': whole };
        const { responseHeaders } = await runInbound({ headers }, () => rooms.book({}));
        return { status: 200, headers: responseHeaders };
      }),
    );

    expect(world.commands.map(({ led }) => led?.timeoutMs)).toEqual([timeoutMs]);
  });

  test('two executions of one request never share the ids of their calls', async () => {
    const prefixes = new Set<string>();
    world.services.set('rooms', async (command) => {
      prefixes.add(command.branchId);
      return done(command);
    });

    await lead(() =>
      callHttp(async (headers) => {
        await runInbound({ headers }, () => rooms.book({}));
        const { responseHeaders } = await runInbound({ headers }, () => rooms.book({}));
        return { status: 200, headers: responseHeaders };
      }),
    );

    expect(prefixes.size).toBe(2);
    expect(world.coordinator.decision?.branches).toHaveLength(1);
  });
});
