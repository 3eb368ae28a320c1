import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { ManualClock } from '@atone/engine/testing';
import { commandTo } from '@atone/engine/conformance';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Dispatcher } from 'undici';
import { Exchange, type ExchangeEnd } from './exchange.js';
import type { HttpTransportOptions } from './http.transport.js';
import { deferred, HttpWorld, turn } from './testing/http.world.js';
import type { LoopbackServer } from './testing/loopback.server.js';

let world: HttpWorld;

afterEach(async () => {
  await world.end();
});

/** A plain endpoint that answers nobody before `release` is called. */
async function hanging(
  options: Partial<HttpTransportOptions> = {},
): Promise<{ readonly server: LoopbackServer; readonly release: () => void }> {
  world = new HttpWorld(options);
  const gate = deferred();
  const server = await world.serve(
    async (_request, response) => {
      await gate.promise;
      response.end();
    },
    { kind: 'plain' },
  );
  return { server, release: gate.resolve };
}

async function arrived(server: LoopbackServer, count: number): Promise<void> {
  while (server.requests.length < count) {
    // oxlint-disable-next-line no-await-in-loop -- waits for the server's turn.
    await turn();
  }
}

function seenBy(server: LoopbackServer): readonly string[] {
  return server.requests.map(
    ({ headers }) => `${String(headers['atone-op'])} ${String(headers['atone-branch-id'])}`,
  );
}

/** An exchange that is given up after a second, and what becomes of it. */
function exchangeOf(clock: ManualClock): {
  readonly exchange: Exchange;
  readonly ends: ExchangeEnd[];
  readonly aborts: unknown[];
  readonly connected: () => void;
} {
  const ends: ExchangeEnd[] = [];
  const aborts: unknown[] = [];
  const exchange = new Exchange(
    {
      lastGiveUpAt: () => clock.now(),
      onStart: () => {},
      onChunk: () => true,
      onEnd: (end) => ends.push(end),
    },
    { clock, firstGiveUpAt: clock.now() + 1_000, lateAnswerMs: 2_000 },
  );
  const controller = { abort: (reason: Error) => aborts.push(reason) };
  const connected = (): void => {
    exchange.onRequestStart(controller as unknown as Dispatcher.DispatchController);
  };
  return { exchange, ends, aborts, connected };
}

describe('a command that waits in the queue', () => {
  test('is told why it was not sent, a little before it is given up', async () => {
    const { server } = await hanging();
    for (let index = 0; index < 16; index += 1) {
      world.send(commandTo('stock', { branchId: `busy-${index}` }));
    }
    await arrived(server, 16);
    await world.clock.advance(40_000);
    world.answerWithinMs = 10_000;
    world.send(commandTo('stock', { branchId: 'waits' }));

    await world.clock.advance(9_499);
    const before = world.replies.length;
    await world.clock.advance(1);

    expect(before).toBe(0);
    expect(world.replies).toMatchObject([
      {
        branchId: 'waits',
        reply: {
          outcome: 'unknown',
          error: {
            class: 'unreachable',
            message: 'It was not sent: 16 requests to reserve of stock are in flight, the oldest for 49 s.',
          },
        },
      },
    ]);
  });

  test('never leaves after it was given up', async () => {
    const { server, release } = await hanging({ limits: { requestCountMax: 2 } });
    world.send(commandTo('stock', { branchId: 'busy' }));
    await arrived(server, 1);
    world.answerWithinMs = 10_000;
    world.send(commandTo('stock', { branchId: 'late' }));
    await world.clock.advance(10_000);

    release();
    await world.replied(2);
    world.send(commandTo('stock', { branchId: 'next' }));
    await world.replied(3);

    expect(seenBy(server)).toEqual(['action busy', 'action next']);
  });

  test('does not leave, nor keep others from it, when it comes too late', async () => {
    const { server, release } = await hanging();
    release();

    world.transport.send(commandTo('stock', { branchId: 'late' }), 0);
    world.send(commandTo('stock', { branchId: 'next' }));

    await world.replied(2);
    expect(seenBy(server)).toEqual(['action next']);
    expect(world.replies.find(({ branchId }) => branchId === 'late')?.reply).toEqual({
      outcome: 'unknown',
      error: { class: 'unreachable', message: 'It was not sent: its time was over before it could leave.' },
    });
  });

  test('is withdrawn by the undo of its branch, and its reply with it', async () => {
    const { server, release } = await hanging({ limits: { requestCountMax: 2 } });
    world.send(commandTo('stock', { branchId: 'busy' }));
    await arrived(server, 1);
    world.send(commandTo('stock', { branchId: 'pay' }), commandTo('stock', { branchId: 'other' }));

    world.send(commandTo('stock', { branchId: 'pay', op: 'compensate', reason: 'refused' }));
    await arrived(server, 2);
    release();

    await world.replied(3);
    expect(seenBy(server)).toEqual(['action busy', 'compensate pay', 'action other']);
    expect(world.replies.map(({ op, branchId }) => `${op} ${branchId}`)).not.toContain('action pay');
  });

  test.each(['close-action', 'close-compensate'] as const)('is withdrawn by %s too', async (op) => {
    const { server, release } = await hanging({ limits: { requestCountMax: 2 } });
    world.send(commandTo('stock', { branchId: 'busy' }));
    await arrived(server, 1);
    world.send(commandTo('stock', { branchId: 'pay' }));

    world.send(commandTo('stock', { branchId: 'pay', op, round: 2 }));
    release();

    await world.replied(2);
    await turn();
    expect(seenBy(server)).toEqual(['action busy']);
  });
});

describe('a request that waits for its connection', () => {
  test('is withdrawn by the undo of its branch', async () => {
    const connected = deferred();
    const sockets: Socket[] = [];
    const silent = createServer((socket) => {
      sockets.push(socket);
      connected.resolve();
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    world = new HttpWorld();
    // The other side never shakes hands, so that the connection never comes about.
    const { port } = silent.address() as AddressInfo;
    world.enter(`https://127.0.0.1:${port}`, { kind: 'plain' });
    world.send(commandTo('stock'));
    await connected.promise;

    world.send(commandTo('stock', { op: 'compensate', reason: 'refused' }));
    await world.clock.advance(60_000);

    expect(world.replies.map(({ op, reply }) => [op, reply.outcome])).toEqual([['compensate', 'unknown']]);
    silent.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });

  test('does not leave once it was given up', async () => {
    const clock = new ManualClock();
    const { ends, aborts, connected } = exchangeOf(clock);
    await clock.advance(1_000);

    connected();

    expect(aborts).toHaveLength(1);
    expect(ends).toMatchObject([
      { class: 'unreachable', message: expect.stringContaining('It was not sent') },
    ]);
  });

  test('does not leave once it was withdrawn', () => {
    const { exchange, ends, aborts, connected } = exchangeOf(new ManualClock());

    exchange.withdraw();
    connected();

    expect([ends, aborts.length]).toEqual([[{ type: 'withdrawn' }], 1]);
  });

  test('is not withdrawn any more when it has left', () => {
    const { exchange, ends, aborts, connected } = exchangeOf(new ManualClock());

    connected();
    exchange.withdraw();

    expect([ends, aborts]).toEqual([[], []]);
    exchange.onResponseEnd();
  });
});
