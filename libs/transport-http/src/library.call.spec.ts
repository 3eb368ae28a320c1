import { connect } from 'node:net';
import type { BranchReply } from '@atone/core';
import { commandTo } from '@atone/engine/conformance';
import { checkSignature, replyTo, type BranchCommand } from '@atone/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { HttpTransportOptions } from './http.transport.js';
import { deferred, HttpWorld, turn } from './testing/http.world.js';
import { commandsOf, libraryListener, LoopbackServer, type Listener } from './testing/loopback.server.js';

const YES: BranchReply = { outcome: 'done', output: null };
let world: HttpWorld;

afterEach(async () => {
  await world.end();
});

function newWorld(options: Partial<HttpTransportOptions> = {}): HttpWorld {
  world = new HttpWorld(options);
  return world;
}

function branches(count: number, change: Partial<BranchCommand> = {}): readonly BranchCommand[] {
  return Array.from({ length: count }, (_, index) =>
    commandTo('stock', { branchId: `b${index}`, ...change }),
  );
}

/** Answers with the status and whatever `line` makes of each command. */
function answering(line: (command: BranchCommand) => string, status = 200): Listener {
  return (request, response) => {
    response.writeHead(status, { 'content-type': 'application/x-ndjson' });
    response.end(commandsOf(request).map(line).join('\n'));
  };
}

describe('batches', () => {
  test('what is handed over in one turn of the event loop is one request', async () => {
    const server = await newWorld().serve(libraryListener(() => YES));

    world.send(...branches(100));

    await world.replied(100);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({
      path: '/atone/v1/commands',
      headers: { 'atone-protocol': '1', 'content-type': 'application/json' },
    });
  });

  test('a batch has at most 256 commands', async () => {
    const server = await newWorld().serve(libraryListener(() => YES));

    world.send(...branches(600));

    await world.replied(600);
    expect(server.requests.map((request) => commandsOf(request).length)).toEqual([256, 256, 88]);
  });

  test('a batch has at most as many octets as the limit says', async () => {
    const server = await newWorld({ limits: { bodyBytesMax: 4_096 } }).serve(libraryListener(() => YES));

    world.send(...branches(10, { input: '€'.repeat(500) }));

    await world.replied(10);
    const lengths = server.requests.map((request) => Buffer.byteLength(request.body));
    expect(Math.max(...lengths)).toBeLessThanOrEqual(4_096);
    expect(server.requests).toHaveLength(5);
  });

  test('a command that is too large by itself is not sent, and holds up no other', async () => {
    const server = await newWorld({ limits: { bodyBytesMax: 4_096 } }).serve(libraryListener(() => YES));

    world.send(commandTo('stock', { branchId: 'big', input: 'x'.repeat(5_000) }), ...branches(1));

    await world.replied(2);
    expect(Object.fromEntries(world.replies.map(({ branchId, reply }) => [branchId, reply]))).toMatchObject({
      big: { outcome: 'unknown', error: { class: 'bad-payload', message: expect.stringContaining('4096') } },
      b0: YES,
    });
    expect(server.requests).toHaveLength(1);
  });

  test('past the cap of requests in flight for an action its commands gather until one returns', async () => {
    const gates = [deferred(), deferred()];
    const server = await newWorld({ limits: { requestCountMax: 4 } }).serve(async (request, response) => {
      await gates[server.requests.length - 1]?.promise;
      await libraryListener(() => YES)(request, response);
    });
    const arrived = async (count: number): Promise<void> => {
      while (server.requests.length < count) {
        // oxlint-disable-next-line no-await-in-loop -- waits for the server's turn.
        await turn();
      }
    };
    world.send(commandTo('stock', { branchId: 'first' }));
    await arrived(1);
    world.send(commandTo('stock', { branchId: 'second' }));
    await arrived(2);

    for (const command of branches(5)) {
      world.send(command);
      // oxlint-disable-next-line no-await-in-loop -- each command has a turn of its own.
      await turn();
    }
    expect(server.requests).toHaveLength(2);
    gates[0]?.resolve();
    await world.replied(6);

    expect(server.requests.map((request) => commandsOf(request).length)).toEqual([1, 1, 5]);
    gates[1]?.resolve();
    await world.replied(7);
  });

  test('a command that is asked again while it waits takes the place of its earlier attempt', async () => {
    const server = await newWorld().serve(libraryListener(() => YES));

    world.send(commandTo('stock', { attempt: 1 }), commandTo('stock', { attempt: 2 }));

    await world.replied(1);
    expect(server.requests.flatMap(commandsOf).map(({ attempt }) => attempt)).toEqual([2]);
  });

  test('each lane has batches of its own, which name it', async () => {
    const server = await newWorld().serve(libraryListener(() => YES));

    world.send(...branches(3), ...branches(2, { lane: 'blue', round: 2 }));

    await world.replied(5);
    expect(server.requests.map(({ headers }) => headers['x-lane'] ?? 'none')).toEqual(
      expect.arrayContaining(['blue', 'none']),
    );
  });

  test('while a version rolls out, a new action goes to the instances that offer it', async () => {
    const old = await newWorld().serve(libraryListener(() => YES));
    const recent = await world.serve(
      libraryListener(() => YES),
      { actions: [{ name: 'release', hasCompensation: false }] },
    );

    world.send(...branches(3, { action: 'release' }));
    await world.replied(3);
    world.send(...branches(3, { action: 'reserve', round: 2 }));
    await world.replied(6);

    expect(recent.requests.flatMap(commandsOf).map(({ action }) => action)).toEqual(
      Array.from({ length: 3 }, () => 'release'),
    );
    expect(old.requests.flatMap(commandsOf)).toHaveLength(3);
  });

  test('a base URL may have a path, with which it is signed', async () => {
    const key = { keyId: 'k1', secret: 'a secret of this test' };
    newWorld({ signingKey: key });
    const server = await new LoopbackServer(libraryListener(() => YES)).start();
    world.enter(`${server.url}/services/stock/`);

    world.send(commandTo('stock', { input: 'zwölf €' }));

    await world.replied(1);
    const [request] = server.requests;
    const { path = '', body = '', headers } = request ?? {};
    expect(path).toBe('/services/stock/atone/v1/commands');
    const trust = { keys: [key], nowMs: world.clock.now() };
    const header = headers?.['atone-signature'];
    expect(checkSignature({ method: 'POST', path, body }, String(header), trust)).toEqual({ ok: true });
    await server.kill();
  });
});

describe('the lines of an answer', () => {
  test('arrive in the order in which they are written, before the answer ends', async () => {
    const gates = new Map(branches(3).map(({ branchId }) => [branchId, deferred<BranchReply>()]));
    await newWorld().serve(libraryListener(async ({ branchId }) => gates.get(branchId)?.promise ?? YES));
    world.send(...branches(3));
    const order = ['b2', 'b0', 'b1'];

    for (const [index, branchId] of order.entries()) {
      gates.get(branchId)?.resolve(YES);
      // oxlint-disable-next-line no-await-in-loop -- the next line is written when this one is in.
      await world.replied(index + 1);
    }

    expect(world.replies.map(({ branchId }) => branchId)).toEqual(order);
  });

  test('may be cut anywhere on the way, in the middle of a character too', async () => {
    await newWorld().serve(async (request, response) => {
      const octets = Buffer.from(
        commandsOf(request)
          .map((command) => JSON.stringify(replyTo(command, { outcome: 'done', output: 'zwölf €' })))
          .join('\r\n'),
      );
      for (const octet of octets) {
        response.write(Buffer.from([octet]));
        // oxlint-disable-next-line no-await-in-loop -- each octet is a packet.
        await turn();
      }
      response.end();
    });

    world.send(...branches(2));

    await world.replied(2);
    expect(world.replies.map(({ reply }) => reply)).toEqual(
      Array.from({ length: 2 }, () => ({ outcome: 'done', output: 'zwölf €' })),
    );
  });

  test.each<[string, string]>([
    ['is not JSON', 'hello'],
    ['nests without end', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['is no reply', '{"reply":{"outcome":"maybe"}}'],
    ['belongs to another command', JSON.stringify(replyTo(commandTo('stock', { branchId: 'x' }), YES))],
    [
      'is too long',
      JSON.stringify(replyTo(commandTo('stock'), { outcome: 'done', output: 'x'.repeat(70_000) })),
    ],
  ])('a line that %s affects only its own command', async (_title, line) => {
    await newWorld().serve(
      answering((command) => (command.branchId === 'b1' ? line : JSON.stringify(replyTo(command, YES)))),
    );

    world.send(...branches(3));

    await world.replied(3);
    expect(Object.fromEntries(world.replies.map(({ branchId, reply }) => [branchId, reply]))).toMatchObject({
      b0: YES,
      b1: {
        outcome: 'unknown',
        error: { class: 'error', message: expect.stringContaining('without a line') },
      },
      b2: YES,
    });
  });

  test('an answer without end is cut off', async () => {
    const cut = deferred();
    await newWorld({ limits: { replyBytesMax: 1_000 } }).serve((_request, response) => {
      const more = (): void => {
        if (!response.destroyed) {
          response.write('x'.repeat(1_000));
          setImmediate(more);
        }
      };
      response.on('close', cut.resolve);
      more();
    });

    world.send(...branches(1));

    await world.replied(1);
    await cut.promise;
    expect(world.replies[0]?.reply).toMatchObject({ outcome: 'unknown', error: { class: 'error' } });
  });

  test('a line that comes twice is told once', async () => {
    await newWorld().serve(
      answering(
        (command) => `${JSON.stringify(replyTo(command, YES))}\n${JSON.stringify(replyTo(command, YES))}`,
      ),
    );
    world.send(...branches(2));
    await world.replied(2);

    world.send(...branches(1, { round: 2 }));

    await world.replied(3);
    expect(world.replies.map(({ round }) => round)).toEqual([1, 1, 2]);
  });
});

describe('an answer that is none', () => {
  test.each([
    [404, 'unreachable', 'answered 404'],
    [405, 'unreachable', 'answered 405'],
    [408, 'unreachable', 'answered 408'],
    [429, 'unreachable', 'answered 429'],
    [503, 'unreachable', 'answered 503'],
    [500, 'error', 'answered 500'],
    [409, 'error', 'answered 409'],
    [302, 'error', 'not followed'],
    [401, 'error', 'secret'],
    [403, 'error', 'secret'],
    [204, 'error', 'without a line'],
  ])('%i leaves every command of the batch unknown, of the class %s', async (status, errorClass, message) => {
    const server = await newWorld().serve((_request, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:1/elsewhere' }).end();
    });

    world.send(...branches(2));

    await world.replied(2);
    expect(world.replies.map(({ reply }) => reply)).toEqual(
      Array.from({ length: 2 }, () => ({
        outcome: 'unknown',
        error: { class: errorClass, message: expect.stringContaining(message) },
      })),
    );
    expect(server.requests).toHaveLength(1);
  });

  test('octets that are no HTTP are an error', async () => {
    newWorld();
    const server = await new LoopbackServer((_request, response) => {
      response.socket?.end('220 mail.example ESMTP\r\n');
    }).start();
    world.enter(server.url);

    world.send(...branches(1));

    await world.replied(1);
    expect(world.replies[0]?.reply).toMatchObject({ outcome: 'unknown', error: { class: 'error' } });
    await server.kill();
  });

  test('when the participant dies in the middle, what it answered stands and the rest is unknown', async () => {
    const never = deferred<BranchReply>();
    const server = await newWorld().serve(
      libraryListener(async ({ branchId }) => (branchId === 'b0' ? YES : never.promise)),
    );
    world.send(...branches(3));
    await world.replied(1);

    await server.kill();

    await world.replied(3);
    const outcomes = world.replies.map(({ branchId, reply }) => [branchId, reply.outcome]);
    expect(Object.fromEntries(outcomes)).toEqual({ b0: 'done', b1: 'unknown', b2: 'unknown' });
    expect(world.replies[1]?.reply).toMatchObject({ error: { class: 'unreachable' } });
  });

  test('after the limit the unanswered are unknown, and the connection is given up', async () => {
    const cut = deferred();
    const asked = deferred();
    await newWorld().serve((_request, response) => {
      response.on('close', cut.resolve);
      asked.resolve();
    });
    world.send(...branches(1));
    await asked.promise;

    await world.clock.advance(60_000);

    await world.replied(1);
    await cut.promise;
    expect(world.replies[0]?.reply).toMatchObject({ outcome: 'unknown', error: { class: 'timeout' } });
  });
});

describe('instances', () => {
  test('batches take turns', async () => {
    const first = await newWorld().serve(libraryListener(() => YES));
    const second = await world.serve(libraryListener(() => YES));

    for (const [index, command] of branches(4).entries()) {
      world.send(command);
      // oxlint-disable-next-line no-await-in-loop -- one batch after the other.
      await world.replied(index + 1);
    }

    expect([first.requests.length, second.requests.length]).toEqual([2, 2]);
  });

  test('one that refused a connection is passed over for a moment, and then asked again', async () => {
    const server = await newWorld().serve(libraryListener(() => YES));
    const port = await freePort();
    world.enter(`http://127.0.0.1:${port}`);
    const ask = async (round: number): Promise<string | undefined> => {
      world.send(commandTo('stock', { round }));
      await world.replied(round);
      return world.replies[round - 1]?.reply.outcome;
    };
    const before = [await ask(1), await ask(2)];

    const during = [await ask(3), await ask(4), await ask(5), await ask(6)];
    const restarted = await new LoopbackServer(libraryListener(() => YES)).start(port);
    await world.clock.advance(3_000);
    const after = [await ask(7), await ask(8)];

    expect(before).toEqual(expect.arrayContaining(['done', 'unknown']));
    expect([...during, ...after]).toEqual(Array.from({ length: 6 }, () => 'done'));
    expect([server.requests.length, restarted.requests.length]).toEqual([6, 1]);
    await restarted.kill();
  });
});

describe('closing', () => {
  test('waits for a bounded time, and cuts off what is still in flight', async () => {
    const asked = deferred();
    await newWorld().serve(() => {
      asked.resolve();
    });
    world.send(...branches(1));
    await asked.promise;

    const closed = world.transport.close();
    await world.clock.advance(5_000);
    await closed;

    expect(world.replies).toEqual([]);
  });
});

test('what the sink throws is told, and the next reply comes all the same', async () => {
  const errors: unknown[] = [];
  const told = deferred();
  await newWorld({
    onSinkError: (error) => {
      if (errors.push(error) === 2) {
        told.resolve();
      }
    },
  }).serve(libraryListener(() => YES));
  world.transport.onReply(() => {
    throw new Error('full');
  });

  world.send(...branches(2));

  await told.promise;
  expect(errors).toEqual([new Error('full'), new Error('full')]);
});

/** Returns a port at which nobody listens. */
async function freePort(): Promise<number> {
  const server = await new LoopbackServer(() => {}).start();
  const { port } = server;
  await server.kill();
  await new Promise<void>((resolve) => {
    connect(port, '127.0.0.1').on('error', () => {
      resolve();
    });
  });
  return port;
}
