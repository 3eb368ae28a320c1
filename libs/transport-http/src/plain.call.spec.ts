import { commandTo } from '@atone/engine/conformance';
import { checkSignature, type BranchCommand } from '@atone/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { HttpTransportOptions } from './http.transport.js';
import { deferred, HttpWorld } from './testing/http.world.js';
import type { Listener, LoopbackServer } from './testing/loopback.server.js';

let world: HttpWorld;

afterEach(async () => {
  await world.end();
});

async function plainServer(
  listener: Listener,
  options: Partial<HttpTransportOptions> = {},
): Promise<LoopbackServer> {
  world = new HttpWorld(options);
  return world.serve(listener, { kind: 'plain' });
}

function status(code: number, body = ''): Listener {
  return (_request, response) => {
    response.writeHead(code).end(body);
  };
}

async function replyTo(command: BranchCommand): Promise<unknown> {
  world.send(command);
  const [envelope] = await world.replied(1);
  return envelope?.reply;
}

describe('the request to a plain endpoint', () => {
  test('an action is a POST of its input, with headers that name the attempt', async () => {
    const server = await plainServer(status(200, '{"id":7}'));
    const command = commandTo('stock', {
      round: 2,
      attempt: 3,
      remainingMs: 1_234.5,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      baggage: 'user=7,lane=mine',
      lane: 'blue',
    });

    const reply = await replyTo(command);

    expect(reply).toEqual({ outcome: 'done', output: { id: 7 } });
    expect(server.requests[0]).toMatchObject({
      path: '/reserve',
      body: '{"sku":"a-1"}',
      headers: {
        'content-type': 'application/json',
        'atone-protocol': '1',
        'atone-gid': command.gid,
        'atone-branch-id': 'reserve',
        'atone-op': 'action',
        'atone-round': '2',
        'atone-attempt': '3',
        'atone-remaining-ms': '1235',
        'idempotency-key': `${command.gid}:reserve:action:2`,
        traceparent: command.traceparent,
        baggage: 'user=7,lane=blue',
        'x-lane': 'blue',
      },
    });
  });

  test('a compensation is a POST of input, output and reason to its own path', async () => {
    const server = await plainServer(status(204));

    const reply = await replyTo(
      commandTo('stock', { op: 'compensate', output: { id: 7 }, reason: 'no credit' }),
    );

    expect(reply).toEqual({ outcome: 'undone', wasEmpty: false });
    expect(server.requests[0]?.path).toBe('/reserve/undo');
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      input: { sku: 'a-1' },
      output: { id: 7 },
      reason: 'no credit',
    });
  });

  test('an output that nobody knows is left out', async () => {
    const server = await plainServer(status(204));

    await replyTo(commandTo('stock', { op: 'compensate', reason: 'no credit' }));

    expect(JSON.parse(server.requests[0]?.body ?? '')).not.toHaveProperty('output');
  });

  test('is signed over its own path and body', async () => {
    const key = { keyId: 'k1', secret: 'a secret of this test' };
    const server = await plainServer(status(204), { signingKey: key });

    await replyTo(commandTo('stock'));

    const { path = '', body = '', headers } = server.requests[0] ?? {};
    const trust = { keys: [key], nowMs: world.clock.now() };
    const header = String(headers?.['atone-signature']);
    expect(checkSignature({ method: 'POST', path, body }, header, trust)).toEqual({ ok: true });
    expect(checkSignature({ method: 'POST', path, body: '{}' }, header, trust).ok).toBe(false);
  });

  test('baggage and a trace that are no header are left out', async () => {
    const server = await plainServer(status(204));

    await replyTo(commandTo('stock', { baggage: 'a=b\r\nx: y', traceparent: 'x\r\ny' }));

    expect(server.requests[0]?.headers).not.toHaveProperty('baggage');
    expect(server.requests[0]?.headers).not.toHaveProperty('traceparent');
  });

  test('a branch id that is no header is an error, and breaks nothing else', async () => {
    await plainServer(status(204));

    world.send(commandTo('stock', { branchId: 'a\r\nb' }), commandTo('stock'));

    await world.replied(2);
    const replies = Object.fromEntries(world.replies.map(({ branchId, reply }) => [branchId, reply]));
    expect(replies).toMatchObject({
      'a\r\nb': { outcome: 'unknown', error: { class: 'error' } },
      reserve: { outcome: 'done' },
    });
  });

  test.each<[string, Partial<BranchCommand>, readonly [string, string]]>([
    ['to close an action', { op: 'close-action' }, ['error', 'no barrier']],
    ['for an action that is not in the catalogue', { action: 'fly' }, ['action-gone', "'fly'"]],
    ['with more than a body may hold', { input: 'x'.repeat(1_048_577) }, ['bad-payload', '1048576']],
  ])('a command %s is not sent', async (_title, change, [errorClass, message]) => {
    const server = await plainServer(status(204));

    const reply = await replyTo(commandTo('stock', change));

    expect(reply).toMatchObject({
      outcome: 'unknown',
      error: { class: errorClass, message: expect.stringContaining(message) },
    });
    expect(server.requests).toEqual([]);
  });

  test.each(['close-confirm', 'close-compensate'] as const)(
    'the skip of an end by %s is acknowledged without asking, since nothing keeps rounds there',
    async (op) => {
      const server = await plainServer(status(500));

      expect(await replyTo(commandTo('stock', { op }))).toEqual({ outcome: 'closed' });
      expect(server.requests).toEqual([]);
    },
  );

  test('an instance that lacks the path is no answer while another has it', async () => {
    const server = await plainServer(status(204));
    world.enter('http://127.0.0.1:1', { kind: 'plain', actions: [] });

    world.send(...[1, 2, 3].map((round) => commandTo('stock', { round })));

    await world.replied(3);
    expect(server.requests).toHaveLength(3);
  });
});

describe('the answer of a plain endpoint', () => {
  test.each<[number, string, object]>([
    [200, '', { outcome: 'done', output: null }],
    [202, '', { outcome: 'not-yet', retryAfterMs: 1_000 }],
    [409, 'no stock', { outcome: 'refused', refusal: { reason: 'no stock', isStored: true } }],
    [404, '', { outcome: 'unknown', error: { class: 'action-gone' } }],
    [503, '', { outcome: 'unknown', error: { class: 'unreachable' } }],
    [500, '', { outcome: 'unknown', error: { class: 'error' } }],
    [401, '', { outcome: 'unknown', error: { message: expect.stringContaining('secret') } }],
  ])('%i', async (code, body, reply) => {
    await plainServer(status(code, body));

    expect(await replyTo(commandTo('stock'))).toMatchObject(reply);
  });

  test('a redirect is not followed', async () => {
    const server = await plainServer((_request, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end();
    });

    expect(await replyTo(commandTo('stock'))).toMatchObject({
      outcome: 'unknown',
      error: { class: 'error' },
    });
    expect(server.requests).toHaveLength(1);
  });

  test('a body without end is cut off and is no yes', async () => {
    const cut = deferred();
    await plainServer((_request, response) => {
      response.on('close', cut.resolve);
      response.write(`"${'x'.repeat(100_000)}`);
    });

    const reply = await replyTo(commandTo('stock'));

    await cut.promise;
    expect(reply).toMatchObject({ outcome: 'unknown', error: { class: 'error' } });
  });

  test('a yes that breaks off in its body is unknown', async () => {
    await plainServer((_request, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('{"id"', () => response.socket?.destroy());
    });

    const reply = await replyTo(commandTo('stock'));

    expect(reply).toMatchObject({ outcome: 'unknown', error: { class: 'unreachable' } });
  });

  test('an endpoint that does not answer in time leaves the outcome unknown', async () => {
    const asked = deferred();
    await plainServer(() => {
      asked.resolve();
    });
    world.send(commandTo('stock'));
    await asked.promise;

    await world.clock.advance(60_000);

    const [envelope] = await world.replied(1);
    expect(envelope?.reply).toMatchObject({ outcome: 'unknown', error: { class: 'timeout' } });
  });

  test('a slow command holds up no other command of the service', async () => {
    const never = deferred();
    await plainServer(async (request, response) => {
      if (request.headers['atone-branch-id'] === 'slow') {
        await never.promise;
      }
      response.end();
    });

    world.send(commandTo('stock', { branchId: 'slow' }), commandTo('stock', { branchId: 'quick' }));

    const [envelope] = await world.replied(1);
    expect(envelope?.branchId).toBe('quick');
    never.resolve();
    await world.replied(2);
  });
});
