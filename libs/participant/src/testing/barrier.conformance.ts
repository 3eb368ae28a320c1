import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Json } from '@atone/core';
import { migrateBarrier } from '../barrier.install.js';
import type { LocalDatabase } from '../database.port.js';
import { createParticipant, type Participant } from '../participant.js';
import { describeSqlHandlers } from './barrier-sql.conformance.js';
import { describeBarrierCommands } from './barrier.commands.js';
import { describeDoubts } from './doubt.conformance.js';
import { describeLedBranches } from './led.conformance.js';
import {
  command,
  CREATE_LEDGER,
  createLedger,
  next,
  sqlBooks,
  type Books,
  type Ledger,
} from './ledger.fixture.js';

/** An empty database to run the suite in. */
export interface ConformanceDatabase<Transaction> {
  readonly database: LocalDatabase<Transaction>;
  /** Where handlers leave their effects, for a database that has the barrier's table and takes no SQL but the barrier's. */
  readonly books?: Books<Transaction> | undefined;
  close(): Promise<void>;
}

export interface BarrierTraits {
  /** How many random runs there are; a database takes its time for each. */
  readonly runCount?: number;
  /** Whether handlers may send SQL of their own. */
  readonly takesSql?: boolean;
}

const DONE = (balance: unknown = expect.any(Number)) => ({ outcome: 'done', output: { balance } });
const REFUSED = {
  outcome: 'refused',
  refusal: { reason: 'no funds', details: { limit: 10 }, isStored: true },
};
const UNDONE = { outcome: 'undone', wasEmpty: false };
const UNDONE_EMPTY = { outcome: 'undone', wasEmpty: true };
const unknown = (errorClass: string, message: unknown = expect.any(String)) => ({
  outcome: 'unknown',
  error: { class: errorClass, message },
});

/** What every way to reach a participant's database must keep: run it against real PostgreSQL. */
export function describeBarrierConformance<Transaction>(
  name: string,
  makeDatabase: () => Promise<ConformanceDatabase<Transaction>>,
  { runCount = 100, takesSql = true }: BarrierTraits = {},
): void {
  describe(`barrier over ${name}`, () => {
    let opened: ConformanceDatabase<Transaction>;
    let ledger: Ledger<Transaction>;
    let participant: Participant;

    let books: Books<Transaction>;

    const entries = (of: ReturnType<typeof command>) => books.entriesOf(of);
    const makeParticipant = (compensates = true) =>
      createParticipant({
        service: 'ledger',
        database: opened.database,
        handlers: [compensates ? ledger.handler : { ...ledger.handler, compensate: undefined }],
      });

    beforeAll(async () => {
      opened = await makeDatabase();
      if (opened.books === undefined) {
        await Promise.all([1, 2, 3].map(() => migrateBarrier(opened.database)));
        await opened.database.transaction(({ sql }) => sql.execute(CREATE_LEDGER));
      }
      books = opened.books ?? sqlBooks(opened.database);
    });

    afterAll(() => opened.close());

    describeBarrierCommands(() => ({ database: opened.database, books }), runCount);
    describeLedBranches(() => ({ database: opened.database, books }));
    describeDoubts(() => ({ database: opened.database, books }));
    if (takesSql) {
      describeSqlHandlers(() => opened.database);
    }

    beforeEach(() => {
      ledger = createLedger(opened.database, books);
      participant = makeParticipant();
    });

    test('an action commits with its answer, and a repeat gets the answer without running', async () => {
      const book = command();

      const replies = [await participant.execute(book), await participant.execute({ ...book, attempt: 2 })];

      expect(replies).toEqual([DONE(), replies[0]]);
      expect(await entries(book)).toEqual([5]);
      expect(ledger.runCount).toBe(1);
    });

    test('S4: eight repeats of one action at once, at eight instances, have one effect and one answer', async () => {
      const book = command();
      const instances = Array.from({ length: 8 }, () => makeParticipant());

      const replies = await Promise.all(instances.map((instance) => instance.execute(book)));

      expect(replies).toEqual(Array.from({ length: 8 }, () => replies[0]));
      expect(replies[0]).toEqual(DONE());
      expect(await entries(book)).toEqual([5]);
    });

    test('a refusal leaves no effect, and stands for its round although a repeat would succeed', async () => {
      const book = command();
      ledger.refusal = 'no funds';
      const first = await participant.execute(book);
      ledger.refusal = undefined;

      const repeat = await participant.execute({ ...book, attempt: 2 });

      expect([first, repeat]).toEqual([REFUSED, REFUSED]);
      expect(await entries(book)).toEqual([]);
      expect(ledger.runCount).toBe(1);
    });

    test('a later round runs again, with another input if need be', async () => {
      const book = command();
      ledger.refusal = 'no funds';
      await participant.execute(book);
      ledger.refusal = undefined;

      const reply = await participant.execute({ ...book, round: 2, input: { amount: 7 } });

      expect(reply).toEqual(DONE());
      expect(await entries(book)).toEqual([7]);
      expect(await participant.execute({ ...book, round: 1 })).toEqual(unknown('bad-payload'));
    });

    test('a later round may refuse as well, and that answer stands', async () => {
      const book = command();
      ledger.refusal = 'no funds';
      await participant.execute(book);

      const reply = await participant.execute({ ...book, round: 2 });

      ledger.refusal = undefined;
      expect(reply).toEqual(REFUSED);
      expect(await participant.execute({ ...book, round: 2 })).toEqual(REFUSED);
      expect(await entries(book)).toEqual([]);
    });

    test('an action that throws leaves nothing behind and may run again', async () => {
      const book = command();
      ledger.afterWrite = () => Promise.reject(new Error('the network is down'));
      const failed = await participant.execute(book);
      ledger.afterWrite = () => undefined;

      const repeat = await participant.execute({ ...book, attempt: 2 });

      expect(failed).toEqual(unknown('error', 'the network is down'));
      expect(repeat).toEqual(DONE());
      expect(await entries(book)).toEqual([5]);
    });

    test('a repeat with another input or another action is not carried out, and both are named', async () => {
      const book = command();
      await participant.execute(book);

      const otherInput = await participant.execute({ ...book, input: { amount: 6 } });
      const sameInput = await participant.execute({ ...book, input: { amount: 5 } });
      const otherUndo = await makeParticipant().execute(next(book, 'compensate', { action: 'transfer' }));

      expect(otherInput).toEqual(unknown('bad-payload', expect.stringContaining('another input')));
      expect(sameInput).toEqual(DONE());
      expect(otherUndo).toEqual(
        unknown('bad-payload', expect.stringMatching(/ledger\.book.*ledger\.transfer/u)),
      );
      expect(await entries(book)).toEqual([5]);
    });

    test('S7: what was done is undone once, with what the action was given and answered', async () => {
      const book = command();
      await participant.execute(book);

      const replies = [
        await participant.execute(next(book, 'compensate')),
        await participant.execute(next(book, 'compensate', { attempt: 2 })),
      ];

      expect(replies).toEqual([UNDONE, UNDONE]);
      expect(await entries(book)).toEqual([5, -5]);
      expect(await participant.execute(book)).toEqual({ outcome: 'already-undone' });
    });

    test('S5, S6: an undo without an action changes nothing, and the late action does nothing', async () => {
      const book = command();
      const undo = next(book, 'compensate');

      const replies = [
        await participant.execute(undo),
        await participant.execute(book),
        await participant.execute({ ...book, round: 2 }),
        await participant.execute(undo),
      ];

      const already = { outcome: 'already-undone' };
      expect(replies).toEqual([UNDONE_EMPTY, already, already, UNDONE_EMPTY]);
      expect(await entries(book)).toEqual([]);
    });

    test('the undo of a refused action is empty and closes all rounds', async () => {
      const book = command();
      ledger.refusal = 'no funds';
      await participant.execute(book);
      ledger.refusal = undefined;

      const undone = await participant.execute(next(book, 'compensate'));

      expect(undone).toEqual(UNDONE_EMPTY);
      expect(await participant.execute({ ...book, round: 9 })).toEqual({ outcome: 'already-undone' });
      expect(await entries(book)).toEqual([]);
    });

    test('a refused compensation leaves no effect and stands for its round; a later round runs', async () => {
      const book = command();
      await participant.execute(book);
      ledger.undoRefusal = 'shipped';
      const refused = { outcome: 'refused', refusal: { reason: 'shipped', isStored: true } };
      const first = await participant.execute(next(book, 'compensate'));
      ledger.undoRefusal = undefined;

      const repeat = await participant.execute(next(book, 'compensate', { attempt: 2 }));
      const later = await participant.execute(next(book, 'compensate', { round: 2 }));

      expect([first, repeat, later]).toEqual([refused, refused, UNDONE]);
      expect(await entries(book)).toEqual([5, -5]);
    });

    test('without a compensation what was done is not undone, and what was not done is', async () => {
      const withoutUndo = makeParticipant(false);
      const [book, absent] = [command(), command()];
      await withoutUndo.execute(book);

      const replies = [
        await withoutUndo.execute(next(book, 'compensate')),
        await withoutUndo.execute(next(absent, 'compensate')),
      ];

      expect(replies).toEqual([
        unknown('code', expect.stringContaining('has no compensation')),
        UNDONE_EMPTY,
      ]);
    });

    test('to close a round of an action bars it, and a later round runs', async () => {
      const book = command();

      const closed = await participant.execute(next(book, 'close-action', { round: 2 }));

      expect(closed).toEqual({ outcome: 'closed' });
      expect(await participant.execute(book)).toMatchObject({ refusal: { reason: 'closed by operator' } });
      expect(await participant.execute({ ...book, round: 2 })).toMatchObject({ outcome: 'refused' });
      expect(await participant.execute(next(book, 'close-action', { round: 3 }))).toEqual(closed);
      expect(await participant.execute({ ...book, round: 3 })).toMatchObject({ outcome: 'refused' });
      expect(await participant.execute({ ...book, round: 4 })).toEqual(DONE());
    });

    test('to close the round of an action that ran shows its answer', async () => {
      const [done, undone] = [command(), command()];
      await participant.execute(done);
      await participant.execute(next(undone, 'compensate'));

      const replies = [
        await participant.execute(next(done, 'close-action')),
        await participant.execute(next(undone, 'close-action')),
      ];

      expect(replies).toEqual([DONE(), { outcome: 'already-undone' }]);
    });

    test('to close a round of a compensation bars it, and a later round runs', async () => {
      const book = command();
      await participant.execute(book);

      const closed = await participant.execute(next(book, 'close-compensate', { round: 2 }));

      expect(closed).toEqual({ outcome: 'closed' });
      expect(await participant.execute(next(book, 'close-compensate', { round: 1 }))).toEqual(closed);
      expect(await participant.execute(next(book, 'compensate', { round: 2 }))).toMatchObject({
        refusal: { reason: 'closed by operator' },
      });
      expect(await participant.execute(next(book, 'compensate', { round: 3 }))).toEqual(UNDONE);
      expect(await participant.execute(next(book, 'close-compensate', { round: 4 }))).toEqual(UNDONE);
    });

    test('to close the compensation of what was never done is the undo', async () => {
      const [absent, refused] = [command(), command()];
      ledger.refusal = 'no funds';
      await participant.execute(refused);

      const replies = [
        await participant.execute(next(absent, 'close-compensate')),
        await participant.execute(next(refused, 'close-compensate')),
      ];

      expect(replies).toEqual([UNDONE_EMPTY, UNDONE_EMPTY]);
      expect(await participant.execute(absent)).toEqual({ outcome: 'already-undone' });
    });

    test('an action and its undo at the same instant end at one with each other', async () => {
      const other = makeParticipant();
      const pairs = Array.from({ length: 50 }, (_, index) => command({ branchId: `race-${index}` }));

      const replies = await Promise.all(
        pairs.map((book) =>
          Promise.all([participant.execute(book), other.execute(next(book, 'compensate'))]),
        ),
      );

      const booked = await Promise.all(pairs.map(entries));
      const ends = replies.map(([act, undo], index) => [act.outcome, undo, booked[index]]);
      const legal: unknown[] = [
        ['done', UNDONE, [5, -5]],
        ['already-undone', UNDONE_EMPTY, []],
      ];
      expect(ends.filter((end) => !legal.some((one) => JSON.stringify(one) === JSON.stringify(end)))).toEqual(
        [],
      );
    });

    test('an input that the contract refuses runs nothing and stores nothing', async () => {
      const book = command({ input: { amount: 'five' } });

      const reply = await participant.execute(book);

      expect(reply).toEqual(unknown('bad-payload', expect.stringContaining('/amount')));
      expect(ledger.runCount).toBe(0);
      expect(await participant.execute(next(book, 'compensate'))).toEqual(UNDONE_EMPTY);
    });

    test.each<[string, Json]>([
      ['text with quotes and a zero', { amount: 1, note: "o'clock \u0000 \ud83d\ude00" }],
      ['nothing', null],
    ])('an input that holds %s is the same in a repeat', async (_title, input) => {
      const book = command({ input });

      const replies = [await participant.execute(book), await participant.execute({ ...book, attempt: 2 })];

      expect(replies[1]).toEqual(replies[0]);
    });
  });
}
