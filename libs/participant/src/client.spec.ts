import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { ParticipantInstance, TransactionView } from '@atone/protocol';
import { z } from 'zod';
import { runInBranch } from './branch.context.js';
import { durationMs } from './client.duration.js';
import {
  CoordinatorBusyError,
  CoordinatorRefusedError,
  CoordinatorUnreachableError,
  UnexpectedAnswerError,
} from './client.errors.js';
import type { HttpRequest, HttpResponse } from './client.ports.js';
import { createClient } from './client.js';
import { action, contract } from './contract.js';
import { createAtoneClient, nodeClientPorts } from './node/client.node.js';
import { MisuseError } from './participant.error.js';
import { saga, type SagaInput, type SagaOutputs } from './saga-builder.js';

const GID = '01980000-0000-7000-8000-000000000001';
const stock = contract('stock', {
  reserve: action({ input: z.object({ sku: z.string() }), output: z.object({ total: z.int() }) }),
});
const placeOrder = saga('place-order', z.object({ sku: z.string() }), { tags: { a: '1' } }).step(
  'stock',
  stock.reserve,
  (o) => ({ sku: o.sku }),
);

type Reply = { status: number; body?: unknown; headers?: Record<string, string>; text?: string } | Error;

/** A client whose coordinator gives `replies`, the last one again and again, in no time but that of its pauses. */
function clientWith(...replies: Reply[]) {
  const requests: HttpRequest[] = [];
  const clock = { nowMs: 0 };
  const client = createClient(
    { url: 'http://coordinator.test/', token: 'secret', service: 'orders' },
    {
      send(request) {
        const reply = replies[Math.min(requests.length, replies.length - 1)];
        requests.push(request);
        return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(responseOf(reply));
      },
      clock: {
        now: () => clock.nowMs,
        setTimer(delayMs, callback) {
          clock.nowMs += delayMs;
          queueMicrotask(callback);
          return { cancel: () => undefined };
        },
      },
      random: { next: () => 0.5, bytes: (count) => new Uint8Array(count).fill(7) },
    },
  );
  return { client, requests, clock };
}

function responseOf(reply: Exclude<Reply, Error> | undefined): HttpResponse {
  const { status = 500, headers = {}, body, text } = reply ?? {};
  const content = body === undefined ? '' : JSON.stringify(body);
  return { status, text: text ?? content, header: (name) => headers[name] };
}

function view(changes: Partial<TransactionView> = {}): Partial<TransactionView> {
  return { gid: GID, outcome: 'undecided', state: 'running', branches: [], ...changes };
}

const committed = view({
  outcome: 'committed',
  state: 'committed',
  branches: [{ branchId: 'stock', output: { total: 5 } } as unknown as TransactionView['branches'][number]],
});
const outage = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') });

function problem(status: number, code: string, headers: Record<string, string> = {}): Reply {
  const body = { type: 'about:blank', title: code, status, detail: `Because ${code}.`, code };
  return { status, body, headers };
}

test.each([
  ['127.0.0.1:7370', 'write http://127.0.0.1:7370.'],
  ['localhost:7370/atone', 'write http://localhost:7370/atone.'],
  ['ftp://coordinator.test', 'write it as in http://127.0.0.1:7070.'],
  ['', 'write it as in http://127.0.0.1:7070.'],
])("the url '%s' of a coordinator is refused, with the cure", (url, cure) => {
  const create = () => createAtoneClient({ url });

  expect(create).toThrow(MisuseError);
  expect(create).toThrow(`'${url}' is no http(s) url: ${cure}`);
});

describe('a submission', () => {
  test('sends the plan, the key, the token and the service, and brings the outcome', async () => {
    const { client, requests } = clientWith({ status: 200, body: committed });

    const result = await client.submit(
      placeOrder,
      { sku: 'lp' },
      { idempotencyKey: 'o-1', wait: '10s', tags: { b: '2' } },
    );

    expect(result).toMatchObject({ gid: GID, outcome: 'committed', state: 'committed', isReplay: false });
    expect(result.outputs.stock?.total).toBe(5);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: 'http://coordinator.test/v1/transactions?wait=10s',
      headers: { 'idempotency-key': 'o-1', authorization: 'Bearer secret' },
    });
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({
      name: 'place-order',
      initiator: 'orders',
      tags: { a: '1', b: '2' },
    });
  });

  test('is repeated with one and the same key while nobody knows what became of it', async () => {
    const replayed = { status: 202, body: view(), headers: { 'idempotent-replayed': 'true' } };
    const { client, requests } = clientWith(
      outage,
      { status: 502, text: '<html>' },
      problem(500, 'INTERNAL'),
      replayed,
    );

    const result = await client.submit(placeOrder, { sku: 'lp' });

    expect(result).toMatchObject({ outcome: 'undecided', isReplay: true });
    expect(requests).toHaveLength(4);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key']))).toEqual(
      new Set(['07'.repeat(16)]),
    );
  });

  test('waits and asks again while the same key is in flight', async () => {
    const busy = problem(409, 'IDEMPOTENCY_IN_FLIGHT', { 'retry-after': '2' });
    const { client, requests, clock } = clientWith(busy, busy, { status: 202, body: view() });

    await client.submit(placeOrder, { sku: 'lp' }, { idempotencyKey: 'o-1' });

    expect(requests).toHaveLength(3);
    expect(clock.nowMs).toBe(4_000);
  });

  test('goes on asking for the end when the coordinator holds it shorter than the wait', async () => {
    const { client, requests } = clientWith(
      { status: 202, body: view() },
      { status: 200, body: view() },
      { status: 200, body: committed },
    );

    const result = await client.submit(placeOrder, { sku: 'lp' }, { wait: '5s' });

    expect(result.outcome).toBe('committed');
    expect(requests.slice(1).map(({ url }) => url)).toEqual([
      `http://coordinator.test/v1/transactions/${GID}?wait=4800ms`,
      `http://coordinator.test/v1/transactions/${GID}?wait=4600ms`,
    ]);
  });

  test('from within a branch keeps its lane and its trace', async () => {
    const { client, requests } = clientWith({ status: 202, body: view() });
    const branch = {
      gid: GID,
      branchId: 'b',
      op: 'action',
      service: 's',
      action: 'a',
      round: 1,
      attempt: 1,
    } as const;
    const context = { ...branch, lane: 'blue', traceparent: '00-1-2-01', baggage: 'lane=blue' };

    await runInBranch(context, () => client.submit(placeOrder, { sku: 'lp' }));

    expect(requests[0]?.headers).toMatchObject({ traceparent: '00-1-2-01', baggage: 'lane=blue' });
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({ lane: 'blue' });
  });

  test('does not wait for what is stuck', async () => {
    const stuck = { reason: 'participant-down', message: '', since: '', waysOut: [] } as const;
    const { client, requests } = clientWith({
      status: 202,
      body: view({ stuck: { ...stuck, waysOut: ['retry'] } }),
    });

    const result = await client.submit(placeOrder, { sku: 'lp' }, { wait: '5s' });

    expect(result.stuck?.reason).toBe('participant-down');
    expect(requests).toHaveLength(1);
  });

  test('whose coordinator goes away after acceptance tells in time what is known', async () => {
    const { client, clock } = clientWith({ status: 202, body: view() }, outage);

    const result = await client.submit(placeOrder, { sku: 'lp' }, { wait: '5s' });

    expect(result).toMatchObject({ gid: GID, outcome: 'undecided' });
    expect(clock.nowMs).toBeLessThan(5_000);
  });

  test('that gets no answer says so, names the url and the key, and claims nothing about the outcome', async () => {
    const { client, clock } = clientWith(outage);

    const submitted = client.submit(placeOrder, { sku: 'lp' }, { idempotencyKey: 'o-1' });

    await expect(submitted).rejects.toThrow(CoordinatorUnreachableError);
    await expect(submitted).rejects.toThrow(
      "The coordinator at http://coordinator.test gave no usable answer when asked to start the transaction 'place-order', " +
        'again and again for 30 s: connect ECONNREFUSED 127.0.0.1:1. Nothing is known about the outcome: the transaction may or may not run. ' +
        "To find out, submit the same again with the idempotency key 'o-1'; it starts nothing twice. " +
        'Start the coordinator, or correct its url (`coordinator.url`).',
    );
    await expect(submitted).rejects.toMatchObject({ retryable: true, code: 'COORDINATOR_UNREACHABLE' });
    expect(clock.nowMs).toBeGreaterThan(20_000);
  });

  test('that was once of unknown outcome stays so, whatever came later', async () => {
    const { client } = clientWith(outage, problem(503, 'OVERLOADED'));

    await expect(client.submit(placeOrder, { sku: 'lp' })).rejects.toThrow(CoordinatorUnreachableError);
  });

  test('for which the coordinator is too busy changed nothing', async () => {
    const { client } = clientWith(problem(503, 'OVERLOADED'));

    const submitted = client.submit(placeOrder, { sku: 'lp' });

    await expect(submitted).rejects.toThrow(CoordinatorBusyError);
    await expect(submitted).rejects.toMatchObject({ retryable: true, code: 'OVERLOADED' });
  });

  test('that is refused is not repeated', async () => {
    const { client, requests } = clientWith(problem(422, 'IDEMPOTENCY_MISMATCH'));

    const submitted = client.submit(placeOrder, { sku: 'lp' });

    await expect(submitted).rejects.toThrow(CoordinatorRefusedError);
    await expect(submitted).rejects.toMatchObject({
      retryable: false,
      code: 'IDEMPOTENCY_MISMATCH',
      status: 422,
      message:
        "The coordinator refused to start the transaction 'place-order': Because IDEMPOTENCY_MISMATCH.",
    });
    expect(requests).toHaveLength(1);
  });

  test('that is refused names the fields that the detail leaves out', async () => {
    const errors = [
      { field: '/steps/0', message: 'No such action.' },
      { field: '/tags', message: 'too many' },
    ];
    const body = { code: 'INVALID_PLAN', detail: 'No such action.', errors };
    const { client } = clientWith({ status: 400, body });

    await expect(client.submit(placeOrder, { sku: 'lp' })).rejects.toThrow(
      /: No such action\. \(\/tags: too many\)$/u,
    );
  });

  test.each([
    ['a page', { status: 200, text: '<html>' }],
    ['a redirect', { status: 302, headers: { location: '/login' } }],
    ['another document', { status: 200, body: { hello: 'world' } }],
  ])('that is answered by %s says that this is no coordinator', async (_what, reply) => {
    const { client } = clientWith(reply);

    const submitted = client.submit(placeOrder, { sku: 'lp' });

    await expect(submitted).rejects.toThrow(UnexpectedAnswerError);
    await expect(submitted).rejects.toThrow(/is no coordinator of this version .* nothing twice/u);
  });

  test('with a wrong input or a wrong key sends nothing', async () => {
    const { client, requests } = clientWith({ status: 202, body: view() });

    await expect(client.submit(placeOrder, { sku: 1 as never })).rejects.toThrow(/nothing was sent: \/sku/u);
    await expect(client.submit(placeOrder, { sku: 'a' }, { idempotencyKey: 'ö' })).rejects.toThrow(
      /idempotency key 'ö'/u,
    );
    expect(requests).toHaveLength(0);
  });
});

describe('a registration', () => {
  const entry: ParticipantInstance = {
    instance: 'p1',
    baseUrl: 'http://p.test',
    kind: 'library',
    protocol: 1,
    actions: [],
  };

  test('is taken by a coordinator', async () => {
    const { client } = clientWith({ status: 204, headers: { 'atone-protocol': '1' } });

    await expect(client.registerInstance('payments', entry)).resolves.toBeUndefined();
  });

  test('that is taken with a warning tells it', async () => {
    const headers = { 'atone-protocol': '1', 'atone-warning': 'It takes commands elsewhere.' };
    const { client } = clientWith({ status: 204, headers });
    const warnings: string[] = [];

    await client.registerInstance('payments', entry, (warning) => warnings.push(warning));

    expect(warnings).toEqual(['It takes commands elsewhere.']);
  });

  test.each<[string, Reply, string]>([
    [
      'says yes to everything',
      { status: 200, headers: { server: 'nginx' } },
      'it answered 200, server: nginx',
    ],
    ['has nothing to say', { status: 204 }, 'it answered 204'],
    ['has a page', { status: 200, text: '<html>' }, 'it answered 200, which is no JSON'],
    ['has no such path', { status: 404, text: 'Cannot PUT' }, 'it answered 404, no problem document'],
  ])('by something else that %s is none', async (_title, reply, why) => {
    const { client } = clientWith(reply);

    await expect(client.registerInstance('payments', entry)).rejects.toMatchObject({
      code: 'UNEXPECTED_ANSWER',
      why,
    });
  });
});

describe('an act', () => {
  test.each([
    ['retry', `${GID}/retry`],
    ['abort', `${GID}/abort`],
    ['pause', `${GID}/pause`],
    ['resume', `${GID}/resume`],
  ] as const)('%s goes to its own address', async (act, path) => {
    const { client, requests } = clientWith({ status: 200, body: view() });

    await client[act](GID, { reason: 'because', by: 'ada' });

    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: `http://coordinator.test/v1/transactions/${path}`,
    });
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ reason: 'because', by: 'ada' });
  });

  test('skip names its branch in the address', async () => {
    const { client, requests } = clientWith({ status: 200, body: view() });

    await client.skip(GID, { branchId: '2~k7.1', reason: 'paid by hand' });

    expect(requests[0]?.url).toBe(`http://coordinator.test/v1/transactions/${GID}/branches/2~k7.1/skip`);
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ reason: 'paid by hand' });
  });

  test('of unknown outcome is not repeated', async () => {
    const { client, requests } = clientWith(outage);

    const aborted = client.abort(GID, { reason: 'because' });

    await expect(aborted).rejects.toThrow(/asked to abort .* It is not known whether it did so/u);
    await expect(aborted).rejects.toMatchObject({ gid: GID });
    expect(requests).toHaveLength(1);
  });
});

test('a list passes its filters on', async () => {
  const { client, requests } = clientWith({ status: 200, body: { transactions: [] } });

  await client.list({ stuck: 'true', limit: 10 });

  expect(requests[0]?.url).toBe('http://coordinator.test/v1/transactions?stuck=true&limit=10');
});

test('the participants come as a list', async () => {
  const one = { service: 'stock', instance: 'one', seenAt: '2026-01-01T00:00:00.000Z' };
  const { client } = clientWith({ status: 200, body: { participants: [one] } });

  await expect(client.participants()).resolves.toEqual([one]);
});

test('a client refuses a url that is none', () => {
  expect(() => createAtoneClient({ url: 'coordinator:8080' })).toThrow(
    /'coordinator:8080' is no http\(s\) url/u,
  );
});

test('a client speaks HTTP', async () => {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...committed, name: `${request.method} ${request.url}` }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Its clock stands still: on a busy machine part of the second would be over before it asks.
  const clock = { now: () => 0, setTimer: () => ({ cancel: () => undefined }) };
  const client = createClient({ url }, { ...nodeClientPorts(), clock });

  const found = await client.get(GID, { wait: '1s' }).finally(() => server.close());

  expect(found.name).toBe(`GET /v1/transactions/${GID}?wait=1s`);
});

test.each([
  [250, 250],
  ['250ms', 250],
  ['1.5s', 1_500],
  ['5m', 300_000],
  ['1h', 3_600_000],
] as const)('the duration %s is %d ms', (duration, ms) => {
  expect(durationMs(duration)).toBe(ms);
});

test('a saga tells the types of its input and outputs', () => {
  const input: SagaInput<typeof placeOrder> = { sku: 'lp' };
  const outputs: SagaOutputs<typeof placeOrder> = { stock: { total: 1 } };
  // @ts-expect-error -- the sku is no number
  const wrong: SagaInput<typeof placeOrder> = { sku: 1 };

  expect([input, outputs, wrong]).toHaveLength(3);
});
