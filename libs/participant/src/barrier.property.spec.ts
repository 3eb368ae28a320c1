import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Pool, PoolClient } from 'pg';
import { migrateBarrier } from './barrier.install.js';
import type { Barrier } from './barrier.port.js';
import type { LocalDatabase } from './database.port.js';
import { createParticipant } from './participant.js';
import { pgDatabase } from './pg/pg.database.js';
import { BranchModel, type Move } from './testing/branch.model.js';
import { command, CREATE_LEDGER, createLedger, entriesOf } from './testing/ledger.fixture.js';
import { createPassThrough } from './testing/pass-through.barrier.js';
import { openPool } from './testing/pool.fixture.js';

let testDatabase: TestDatabase;
let pool: Pool;
let database: LocalDatabase<PoolClient>;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  pool = openPool(testDatabase.url);
  database = pgDatabase(pool);
  await migrateBarrier(database);
  await pool.query(CREATE_LEDGER);
});

afterAll(async () => {
  await pool.end();
  await testDatabase.drop();
});

const moves = fc.array(
  fc.record<Move>({
    op: fc.constantFrom('action', 'action', 'compensate', 'close-action', 'close-compensate'),
    round: fc.integer({ min: 1, max: 3 }),
    amount: fc.constantFrom(5, 5, 5, 7),
    code: fc.constantFrom('works', 'works', 'refuses', 'throws'),
  }),
  { minLength: 1, maxLength: 10 },
);

/** Plays the moves one after another. Returns what differs from the model, if anything does. */
async function play(script: readonly Move[], barrier?: Barrier<PoolClient>): Promise<unknown> {
  const ledger = createLedger(database);
  const participant = createParticipant({ service: 'ledger', database, handlers: [ledger.handler], barrier });
  const model = new BranchModel();
  const branch = command();
  const replies: string[] = [];
  const expected: string[] = [];
  for (const move of script) {
    ledger.refusal = ledger.undoRefusal = move.code === 'refuses' ? 'no' : undefined;
    ledger.afterWrite = () => (move.code === 'throws' ? Promise.reject(new Error('down')) : undefined);
    expected.push(model.play(move));
    // oxlint-disable-next-line no-await-in-loop -- one after another is the point
    replies.push(nameOf(await participant.execute(commandOf(branch, move))));
  }
  return { replies, expected, entries: await entriesOf(database, branch), effects: model.effects };
}

function isAsExpected(outcome: unknown): boolean {
  const { replies, expected, entries, effects } = outcome as Record<string, unknown>;
  return JSON.stringify([replies, entries]) === JSON.stringify([expected, effects]);
}

function commandOf(branch: BranchCommand, { op, round, amount }: Move): BranchCommand {
  return { ...branch, op, round, input: op === 'action' ? { amount } : undefined };
}

function nameOf(reply: BranchReply): string {
  if (reply.outcome === 'unknown') {
    return reply.error.class;
  }
  return reply.outcome === 'undone' && reply.wasEmpty ? 'undone empty' : reply.outcome;
}

test('whatever comes for a branch one after another, the barrier answers as the model does', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (script) => {
      const outcome = (await play(script)) as Record<string, unknown>;

      expect([outcome['replies'], outcome['entries']]).toEqual([outcome['expected'], outcome['effects']]);
    }),
    { numRuns: 150 },
  );
});

/** Plays the moves at once, at two instances. Returns the entries that stayed. */
async function playAtOnce(script: readonly Move[], barrier?: Barrier<PoolClient>): Promise<number[]> {
  const branch = command();
  const instances = [0, 1].map(() => {
    const ledger = createLedger(database);
    return createParticipant({ service: 'ledger', database, handlers: [ledger.handler], barrier });
  });
  await Promise.all(
    script.flatMap((move) => instances.map((instance) => instance.execute(commandOf(branch, move)))),
  );
  return entriesOf(database, branch);
}

/** At most one effect, at most one undo of it, and never an undo alone. */
function isSound(entries: readonly number[]): boolean {
  const [effect, undo] = entries;
  return (
    entries.length <= 2 &&
    (effect === undefined || effect > 0) &&
    (undo === undefined || undo === -(effect ?? 0))
  );
}

test('S4, S5, S7: whatever comes for a branch at once leaves an effect, or an effect and its undo, or nothing', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (script) => {
      const entries = await playAtOnce(script);

      expect([entries, isSound(entries)]).toEqual([entries, true]);
    }),
    { numRuns: 60 },
  );
});

test('both checks find a participant without a barrier', async () => {
  const barrier = createPassThrough(database);

  const inTurn = await fc.check(
    fc.asyncProperty(moves, async (script) => isAsExpected(await play(script, barrier))),
    { numRuns: 50, endOnFailure: true },
  );
  const atOnce = await fc.check(
    fc.asyncProperty(moves, async (script) => isSound(await playAtOnce(script, barrier))),
    { numRuns: 50, endOnFailure: true },
  );

  expect([inTurn.failed, atOnce.failed]).toEqual([true, true]);
});
