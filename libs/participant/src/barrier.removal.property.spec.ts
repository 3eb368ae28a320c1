import { mintGid, type Json } from '@atone/core';
import type { Ending } from '@atone/protocol';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createPortJanitor } from './barrier.janitor.js';
import { createBarrier } from './barrier.js';
import type { TransactionEndings } from './endings.port.js';
import { MemoryDatabase, type DatabaseLine } from './testing/memory.database.js';

const NOW = 1_767_225_600_000;

const GIDS = [1, 2].map((age) =>
  mintGid(NOW - age, 0, { next: () => 0, bytes: (count) => new Uint8Array(count) }),
);

type Act = 'act' | 'undo' | 'close-action' | 'end' | 'pass';

interface Step {
  readonly act: Act;
  readonly gid: string;
  readonly round: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom<Act>('act', 'act', 'act', 'undo', 'close-action', 'end', 'pass', 'pass'),
  gid: fc.constantFrom(...GIDS),
  round: fc.integer({ min: 1, max: 2 }),
});

/**
 * Carries out all steps at once; `scheduler` says whose statement, question or answer comes next. Returns each effect and
 * each undo in the order of their commits.
 */
async function carryOut(steps: readonly Step[], scheduler: fc.Scheduler): Promise<readonly Json[]> {
  const database = new MemoryDatabase(undefined, { now: () => NOW });
  const line: DatabaseLine = {
    carry: async (what, execute) => {
      await scheduler.schedule(Promise.resolve(), what);
      return execute();
    },
  };
  const connection = database.connect(line);
  const ended = new Set<string>();
  const endings: TransactionEndings = {
    endings: async (gids) => {
      await scheduler.schedule(Promise.resolve(), 'question');
      const answer = gids.map((gid): Ending =>
        ended.has(gid) ? { gid, isLive: false, endedForMs: 0 } : { gid, isLive: true },
      );
      await scheduler.schedule(Promise.resolve(), 'answer');
      return answer;
    },
  };
  const barrier = createBarrier(connection, endings);
  const janitor = createPortJanitor(
    { service: 'bank', database: connection, endings, keepFor: 0, batch: 2 },
    { clock: { setTimer: () => ({ cancel: () => undefined }) }, random: { next: () => 0.5 } },
  );
  const running = steps.map(async ({ act, gid, round }) => {
    const call = { gid, branchId: '1', service: 'bank', action: 'book', round };
    await scheduler.schedule(Promise.resolve(), `${act} ${gid}`);
    switch (act) {
      case 'act':
        return barrier.act({ ...call, input: null }, async (transaction) => {
          transaction.record(`${gid} done`);
          return { output: null };
        });
      case 'undo':
        return barrier.undo(call, async (transaction) => {
          transaction.record(`${gid} undone`);
        });
      case 'close-action':
        return barrier.closeAction(call);
      case 'end':
        ended.add(gid);
        return undefined;
      case 'pass':
        return janitor.pass();
    }
  });
  const settled = Promise.allSettled(running);
  await scheduler.waitFor(settled);
  return database.entries;
}

test('S4 S5 in whatever order commands, ends and removals meet, a branch takes effect once, and never after its undo', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 14 }),
      fc.scheduler(),
      async (steps, scheduler) => {
        const done = await carryOut(steps, scheduler);

        for (const gid of GIDS) {
          const own = done.filter((entry) => typeof entry === 'string' && entry.startsWith(gid));
          expect([[], [`${gid} done`], [`${gid} done`, `${gid} undone`]]).toContainEqual(own);
        }
      },
    ),
    { numRuns: 300 },
  );
});
