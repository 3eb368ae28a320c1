import type { BranchReply } from '@atone/core';
import { commandTo } from '@atone/engine/conformance';
import { afterEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from './limits.js';
import { deferred, HttpWorld, turn, type Deferred } from './testing/http.world.js';
import { libraryListener, type Listener, type LoopbackServer } from './testing/loopback.server.js';

const YES: BranchReply = { outcome: 'done', output: null };
let world: HttpWorld;

afterEach(async () => {
  await world.end();
});

/** A participant whose answers a test releases, and which notices when its request is cut off. */
async function waiting(kind: 'plain' | 'library'): Promise<{
  readonly server: LoopbackServer;
  readonly asked: Promise<void>;
  readonly cut: Promise<void>;
  readonly answer: Deferred<void>;
}> {
  world = new HttpWorld();
  const [asked, cut, answer] = [deferred(), deferred(), deferred()];
  const listener: Listener =
    kind === 'library'
      ? libraryListener(async ({ branchId }) => {
          await (branchId === 'quick' ? undefined : answer.promise);
          return YES;
        })
      : async (_request, response) => {
          await answer.promise;
          response.end();
        };
  const server = await world.serve(
    async (request, response) => {
      response.on('close', cut.resolve);
      asked.resolve();
      await listener(request, response);
    },
    { kind },
  );
  return { server, asked: asked.promise, cut: cut.promise, answer };
}

/** Two instances, one of which answers nothing before `resume` is called. */
async function pair(kind: 'plain' | 'library'): Promise<{
  readonly silent: LoopbackServer;
  readonly healthy: LoopbackServer;
  readonly resume: () => void;
}> {
  world = new HttpWorld();
  const resumed = deferred();
  const yes: Listener =
    kind === 'library'
      ? libraryListener(() => YES)
      : (_request, response) => {
          response.end();
        };
  const silent = await world.serve(
    async (request, response) => {
      await resumed.promise;
      await yes(request, response);
    },
    { kind },
  );
  const healthy = await world.serve(yes, { kind });
  world.answerWithinMs = 10_000;
  return { silent, healthy, resume: resumed.resolve };
}

describe.each(['plain', 'library'] as const)('a request to a %s participant', (kind) => {
  test('goes on for as long as its reply may take', async () => {
    const { server, asked, answer } = await waiting(kind);
    world.answerWithinMs = 300_000;
    world.send(commandTo('stock'));
    await asked;

    await world.clock.advance(299_999);
    answer.resolve();

    await world.replied(1);
    expect([server.requests.length, world.replies[0]?.reply]).toEqual([1, YES]);
  });

  test('is cut off a little after its command was given up', async () => {
    const { asked, cut } = await waiting(kind);
    world.answerWithinMs = 10_000;
    world.send(commandTo('stock'));
    await asked;

    await world.clock.advance(10_000 + DEFAULT_LIMITS.lateAnswerMs - 1);
    const before = world.replies.length;
    await world.clock.advance(1);

    await cut;
    expect(before).toBe(0);
    expect(world.replies[0]?.reply).toEqual({
      outcome: 'unknown',
      error: { class: 'timeout', message: 'The answer was not complete after 12000 ms.' },
    });
  });
});

describe('a batch', () => {
  test('goes on until the last of its commands is given up', async () => {
    const { server, asked, answer } = await waiting('library');
    world.transport.send(commandTo('stock', { branchId: 'short' }), 10_000);
    world.transport.send(commandTo('stock', { branchId: 'long' }), 300_000);
    await asked;

    await world.clock.advance(299_999);
    answer.resolve();

    await world.replied(2);
    expect(server.requests).toHaveLength(1);
    expect(world.replies.map(({ reply }) => reply)).toEqual([YES, YES]);
  });

  test('does not go on for a command that is answered', async () => {
    const { asked, cut } = await waiting('library');
    world.transport.send(commandTo('stock', { branchId: 'short' }), 10_000);
    world.transport.send(commandTo('stock', { branchId: 'quick' }), 300_000);
    await asked;
    await world.replied(1);

    await world.clock.advance(10_000 + DEFAULT_LIMITS.lateAnswerMs);

    await cut;
    expect(world.replies.map(({ branchId, reply }) => [branchId, reply.outcome])).toEqual([
      ['quick', 'done'],
      ['short', 'unknown'],
    ]);
  });
});

describe('an instance that accepts connections but answers nothing', () => {
  let round = 0;
  async function ask(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      round += 1;
      world.send(commandTo('stock', { round }));
      // oxlint-disable-next-line no-await-in-loop -- each is a request of its own.
      await turn();
    }
  }

  test.each(['plain', 'library'] as const)('is passed over while another %s one is there', async (kind) => {
    const { silent, resume } = await pair(kind);
    await ask(4);
    await world.replied(2);
    await world.clock.advance(12_000);
    await world.replied(4);
    const asked = silent.requests.length;

    await ask(20);
    await world.replied(24);
    const during = silent.requests.length - asked;
    await world.clock.advance(DEFAULT_LIMITS.avoidMs);
    await ask(20);
    await world.replied(43);
    const probes = silent.requests.length - asked;

    expect({ asked, during, probes }).toEqual({ asked: 2, during: 0, probes: 1 });
    resume();
    await world.replied(44);
    await ask(4);
    await world.replied(48);
    expect(silent.requests.length).toBe(asked + 1 + 2);
  });

  test('is still asked when it is the only one', async () => {
    const { server, asked, answer } = await waiting('plain');
    world.answerWithinMs = 1_000;
    world.send(commandTo('stock'));
    await asked;
    await world.clock.advance(3_000);
    await world.replied(1);

    world.send(commandTo('stock', { attempt: 2 }));
    while (server.requests.length < 2) {
      // oxlint-disable-next-line no-await-in-loop -- waits for the server's turn.
      await turn();
    }

    answer.resolve();
    await world.replied(2);
    expect(world.replies[1]?.reply).toEqual(YES);
  });

  test('is not mistaken for one that is slow with one command and answers others', async () => {
    world = new HttpWorld();
    const never = deferred();
    const listener: Listener = async ({ headers }, response) => {
      await (headers['atone-branch-id'] === 'slow' ? never.promise : undefined);
      response.end();
    };
    const servers = [
      await world.serve(listener, { kind: 'plain' }),
      await world.serve(listener, { kind: 'plain' }),
    ];
    world.answerWithinMs = 10_000;
    world.send(commandTo('stock', { branchId: 'slow' }));
    await turn();
    await ask(4);
    await world.replied(4);
    await world.clock.advance(12_000);
    await world.replied(5);
    const before = servers.map(({ requests }) => requests.length);

    await ask(4);
    await world.replied(9);

    expect(servers.map(({ requests }, index) => requests.length - (before[index] ?? 0))).toEqual([2, 2]);
    never.resolve();
  });
});
