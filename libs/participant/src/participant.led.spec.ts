import { createHash } from 'node:crypto';
import { mintGid } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { contract, tryAction } from './contract.js';
import { systemClock } from './node/system-clock.js';
import { createParticipant, type Participant } from './participant.js';
import { MemoryDatabase, type MemoryTransaction } from './testing/memory.database.js';

const anything = { input: z.string(), output: z.string() };
const hotel = contract('hotel', { hold: tryAction(anything) });
const RANDOM = { bytes: (count: number) => new Uint8Array(count).fill(7) };

/** A service that runs one command at a time, each as `run` says. */
function oneAtATime(run: (branchId: string) => Promise<unknown>, now = () => systemClock.now()): Participant {
  return createParticipant<MemoryTransaction>({
    service: 'hotel',
    database: new MemoryDatabase().connect(),
    parallelMax: 1,
    clock: { ...systemClock, now },
    handlers: [
      {
        contract: hotel.hold,
        run: async (_input, { branchId }) => {
          await run(branchId);
          return branchId;
        },
        confirm: async () => undefined,
        compensate: async () => undefined,
      },
    ],
  });
}

function hold(branchId: string, change: Partial<BranchCommand> = {}): BranchCommand {
  return {
    gid: mintGid(systemClock.now(), 1, { ...RANDOM, next: () => 0 }),
    branchId,
    op: 'action',
    round: 1,
    attempt: 1,
    service: 'hotel',
    action: 'hold',
    input: 'room',
    led: { secretHash: createHash('sha256').update('secret').digest('hex'), epoch: 1, initiator: 'trips' },
    remainingMs: 30_000,
    issuedAt: 0,
    ...change,
  };
}

test('a call that a running handler waits for does not wait for its turn behind it', async () => {
  const first = hold('1');
  const { execute } = oneAtATime(async (branchId) => {
    if (!branchId.includes('.')) {
      // To another service and back again, for all this one knows.
      await execute({ ...first, branchId: '1~k7.1~m3.1' });
    }
  });

  const reply = await execute(first);

  expect(reply).toMatchObject({ outcome: 'done', output: '1' });
});

test('a call of another transaction waits for its turn', async () => {
  const order: string[] = [];
  const { execute } = oneAtATime(async (branchId) => {
    order.push(`${branchId} begins`);
    await new Promise(setImmediate);
    order.push(`${branchId} ends`);
  });
  const other = hold('1~k7.1', { gid: mintGid(systemClock.now() - 1, 1, { ...RANDOM, next: () => 0 }) });

  await Promise.all([execute(hold('1')), execute(other)]);

  expect(order).toEqual(['1 begins', '1 ends', '1~k7.1 begins', '1~k7.1 ends']);
});

test('what has waited for its turn until the deadline is not carried out', async () => {
  let now = systemClock.now();
  const ran: string[] = [];
  const { execute } = oneAtATime(
    async (branchId) => {
      ran.push(branchId);
      now += 1_000;
    },
    () => now,
  );

  const [, late] = await Promise.all([execute(hold('1')), execute(hold('2', { remainingMs: 1_000 }))]);

  expect(ran).toEqual(['1']);
  expect(late).toMatchObject({ outcome: 'unknown', error: { class: 'timeout' } });
});

test.each(['order 1', '~1', 'ä', '1/2'])(
  'a branch %j is not carried out, for nobody could ask about it',
  async (id) => {
    const ran: string[] = [];
    const { execute } = oneAtATime(async (branchId) => ran.push(branchId));

    const reply = await execute(hold(id));

    expect(ran).toEqual([]);
    expect(reply).toMatchObject({ outcome: 'unknown', error: { class: 'bad-payload' } });
  },
);
