import type { BranchReply } from '@atone/core';
import { commandTo } from '@atone/engine/conformance';
import type { BranchCommand } from '@atone/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { HttpTransportOptions } from './http.transport.js';
import { deferred, HttpWorld, turn } from './testing/http.world.js';
import { commandsOf, libraryListener, type LoopbackServer } from './testing/loopback.server.js';

const YES: BranchReply = { outcome: 'done', output: null };
const ACTIONS = ['charge', 'notify', 'reserve'].map((name) => ({
  name,
  hasCompensation: true,
  path: `/${name}`,
  compensatePath: `/${name}/undo`,
}));
const SLOW = 'charge';
let world: HttpWorld;
let release: () => void;

afterEach(async () => {
  release();
  await world.end();
});

/** A participant whose charges, and no other actions, hang until `release` is called. */
async function withSlowCharges(
  kind: 'plain' | 'library',
  options: Partial<HttpTransportOptions> = {},
): Promise<LoopbackServer> {
  world = new HttpWorld(options);
  const gate = deferred();
  release = gate.resolve;
  if (kind === 'library') {
    const listener = libraryListener(async ({ action, op }) => {
      await (action === SLOW && op === 'action' ? gate.promise : undefined);
      return YES;
    });
    return world.serve(listener, { actions: ACTIONS });
  }
  return world.serve(
    async ({ path }, response) => {
      await (path === `/${SLOW}` ? gate.promise : undefined);
      response.end();
    },
    { kind, actions: ACTIONS },
  );
}

function commands(count: number, change: Partial<BranchCommand>): readonly BranchCommand[] {
  return Array.from({ length: count }, (_, index) =>
    commandTo('stock', { branchId: `${change.action ?? 'b'}-${index}`, ...change }),
  );
}

/** Hands each command over in a turn of its own, so that each would be a request of its own. */
async function sendInTurns(all: readonly BranchCommand[]): Promise<void> {
  for (const command of all) {
    world.send(command);
    // oxlint-disable-next-line no-await-in-loop -- see above.
    await turn();
  }
}

async function arrived(server: LoopbackServer, count: number): Promise<void> {
  while (server.requests.length < count) {
    // oxlint-disable-next-line no-await-in-loop -- waits for the server's turn.
    await turn();
  }
}

describe.each(['plain', 'library'] as const)('hung requests to one action of a %s participant', (kind) => {
  test('take half of the room, and hold up no other action', async () => {
    const server = await withSlowCharges(kind);
    await sendInTurns(commands(100, { action: SLOW }));
    await arrived(server, 16);

    world.send(...commands(40, { action: 'reserve' }));

    await world.replied(40);
    expect(world.replies.map(({ branchId }) => branchId.split('-')[0])).not.toContain(SLOW);
    const isCharge = ({ path, body }: { path: string; body: string }): boolean =>
      path === `/${SLOW}` || body.includes(`"action":"${SLOW}"`);
    expect(server.requests.filter(isCharge)).toHaveLength(16);
  });

  test('leave room for the undos of the action', async () => {
    const server = await withSlowCharges(kind);
    await sendInTurns(commands(100, { action: SLOW }));
    await arrived(server, 16);

    world.send(...commands(20, { action: SLOW, op: 'compensate', gid: gidOf(2), reason: 'refused' }));

    await world.replied(20);
    expect(new Set(world.replies.map(({ op }) => op))).toEqual(new Set(['compensate']));
  });

  test('let what waited for them go on when they end', async () => {
    await withSlowCharges(kind);
    await sendInTurns(commands(100, { action: SLOW }));

    release();

    await world.replied(100);
    expect(new Set(world.replies.map(({ branchId }) => branchId)).size).toBe(100);
  });
});

test('an action and its undos that all hang leave a quarter of the room to the others', async () => {
  world = new HttpWorld();
  const gate = deferred();
  release = gate.resolve;
  const server = await world.serve(
    async ({ path }, response) => {
      await (path.startsWith(`/${SLOW}`) ? gate.promise : undefined);
      response.end();
    },
    { kind: 'plain', actions: ACTIONS },
  );
  world.send(...commands(50, { action: SLOW }));
  world.send(...commands(50, { action: SLOW, op: 'compensate', gid: gidOf(2), reason: 'refused' }));
  await arrived(server, 24);

  world.send(...commands(30, { action: 'reserve' }));

  await world.replied(30);
  expect(server.requests).toHaveLength(24 + 30);
});

describe('a batch', () => {
  test('holds the commands of all actions that were handed over in its turn', async () => {
    const server = await withSlowCharges('library');

    world.send(
      ...commands(20, { action: 'reserve' }),
      ...commands(20, { action: 'notify' }),
      ...commands(20, { action: 'reserve', op: 'compensate', gid: gidOf(2), reason: 'refused' }),
    );

    await world.replied(60);
    expect(server.requests).toHaveLength(1);
  });

  test('holds a slow action alone, so that nothing else waits for its answer', async () => {
    const server = await withSlowCharges('library');
    await sendInTurns(commands(8, { action: SLOW }));

    world.send(...commands(3, { action: SLOW, round: 2 }), ...commands(3, { action: 'reserve' }));

    await world.replied(3);
    await arrived(server, 10);
    const batches = server.requests.slice(8).map((request) => commandsOf(request));
    expect(new Set(batches.map((batch) => batch.map(({ action }) => action).join(' ')))).toEqual(
      new Set([`${SLOW} ${SLOW} ${SLOW}`, 'reserve reserve reserve']),
    );
  });

  test('counts for an action only as long as one of its commands is unanswered', async () => {
    const server = await withSlowCharges('library', { limits: { requestCountMax: 8 } });
    for (const round of [1, 2]) {
      world.send(...commands(1, { action: SLOW, round }), ...commands(1, { action: 'reserve', round }));
      // oxlint-disable-next-line no-await-in-loop -- the charge of each batch stays unanswered.
      await world.replied(round);
    }

    world.send(...commands(1, { action: 'reserve', round: 3 }), ...commands(1, { action: 'notify' }));

    await world.replied(4);
    expect(server.requests.map((request) => commandsOf(request).length)).toEqual([2, 2, 2]);
  });

  test('takes only what its instance offers', async () => {
    const old = await withSlowCharges('library');
    const recent = await world.serve(
      libraryListener(() => YES),
      { actions: [...ACTIONS, { name: 'release', hasCompensation: false }] },
    );

    for (let round = 1; round <= 4; round += 1) {
      world.send(...commands(3, { action: 'reserve', round }), ...commands(3, { action: 'release', round }));
      // oxlint-disable-next-line no-await-in-loop -- one batch after the other.
      await world.replied(round * 6);
    }

    expect(actionsAt(old)).toEqual(['reserve']);
    expect(actionsAt(recent)).toContain('release');
  });
});

describe('while there is less room than commands', () => {
  test('actions take turns', async () => {
    world = new HttpWorld({ limits: { requestCountMax: 1 } });
    release = () => {};
    const server = await world.serve(
      (_request, response) => {
        response.end();
      },
      { kind: 'plain', actions: ACTIONS },
    );

    world.send(...commands(5, { action: 'reserve' }), ...commands(5, { action: 'notify' }));

    await world.replied(10);
    expect(server.requests.map(({ path }) => path)).toEqual(
      Array.from({ length: 5 }, () => ['/reserve', '/notify']).flat(),
    );
  });

  test('lanes take turns', async () => {
    world = new HttpWorld({ limits: { requestCountMax: 1 } });
    release = () => {};
    const server = await world.serve(
      (_request, response) => {
        response.end();
      },
      { kind: 'plain', actions: ACTIONS },
    );

    world.send(...commands(5, {}), ...commands(5, { lane: 'blue', round: 2 }));

    await world.replied(10);
    expect(server.requests.map(({ headers }) => headers['x-lane'] ?? 'none')).toEqual(
      Array.from({ length: 5 }, () => ['none', 'blue']).flat(),
    );
  });
});

function gidOf(count: number): string {
  return `0193d6c0-0000-7000-8000-${String(count).padStart(12, '0')}`;
}

function actionsAt(server: LoopbackServer): readonly string[] {
  return [...new Set(server.requests.flatMap((request) => commandsOf(request).map(({ action }) => action)))];
}
