import type { BranchCommand } from '@atone/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { lockRow } from '../barrier.row.js';
import { createPortDoubtSweeper, type SweepOptions } from '../doubt.sweeper.js';
import { createParticipant, type Participant } from '../participant.js';
import type { BarrierWorld } from './barrier.commands.js';
import { FakeDoubts } from './doubts.fake.js';
import {
  createLedger,
  LED,
  LED_CLOCK,
  LED_RANDOM,
  ledCommand,
  NONCE,
  type Ledger,
} from './ledger.fixture.js';

/** The deadline has passed by the next transaction. */
const OVERDUE: Partial<BranchCommand> = { remainingMs: 0.001 };

/** What must hold of branches whose deadline has passed. */
export function describeDoubts<Transaction>(open: () => BarrierWorld<Transaction>): void {
  let ledger: Ledger<Transaction>;
  let participant: Participant;
  let doubts: FakeDoubts;

  const sweeperWith = (options: SweepOptions = {}) =>
    createPortDoubtSweeper(
      { participant, database: open().database, doubts, ...options },
      {
        clock: { setTimer: () => ({ cancel: () => undefined }) },
        random: { next: () => 0, bytes: (count) => new Uint8Array(count) },
      },
    );
  const entries = (of: BranchCommand) => open().books.entriesOf(of);
  const held = async (change: Partial<BranchCommand> = OVERDUE): Promise<BranchCommand> => {
    const hold = ledCommand(change);
    await participant.execute(hold);
    return hold;
  };

  beforeEach(async () => {
    ledger = createLedger(open().database, open().books);
    const handlers = [ledger.handler, ledger.tryHandler];
    const given = { clock: LED_CLOCK, random: LED_RANDOM };
    participant = createParticipant({ service: 'ledger', database: open().database, handlers, ...given });
    doubts = new FakeDoubts();
    // What other tests have left in doubt is put off for an hour.
    await sweeperWith().pass();
    doubts.asked.length = 0;
  });

  describe('in doubt', () => {
    test('asks about a branch whose deadline has passed, with all that tells it apart', async () => {
      const hold = await held();

      await sweeperWith().pass();

      expect(doubts.asked.flat()).toEqual([
        {
          gid: hold.gid,
          branchId: '1',
          service: 'ledger',
          action: 'hold',
          kind: 'tcc',
          nonce: NONCE,
          ...LED,
          overdueMs: expect.any(Number),
        },
      ]);
      expect(doubts.asked[0]?.[0]?.overdueMs).toBeGreaterThanOrEqual(0);
    });

    test.each([undefined, 1, 30_000, 86_400_000])(
      'tells the whole time of its transaction as the call told it (%s), refused or not',
      async (timeoutMs) => {
        const led = { ...LED, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
        const taken = await held({ ...OVERDUE, led });
        ledger.refusal = 'no funds';
        const refused = await held({ ...OVERDUE, led });

        await sweeperWith().pass();

        const asked = [taken, refused].flatMap(({ gid }) => doubts.askedAbout(gid));
        expect(asked.map((doubt) => doubt.timeoutMs)).toEqual([timeoutMs, timeoutMs]);
      },
    );

    test('asks nothing before the deadline, and nothing about what is decided or belongs to a plan', async () => {
      const [early, ended, plan] = [
        await held({}),
        await held(),
        await held({ led: undefined, action: 'book' }),
      ];
      doubts.say(ended.gid, 'confirm');
      await sweeperWith().pass();

      await sweeperWith().pass();

      expect(doubts.asked.flat().map(({ gid }) => gid)).toEqual([ended.gid]);
      expect(await Promise.all([early, ended, plan].map(entries))).toEqual([[5], [5, 0], [5]]);
    });

    test('does what it is told: confirms, undoes, or waits', async () => {
      const [confirmed, undone, waiting] = [await held(), await held(), await held()];
      doubts.say(confirmed.gid, 'confirm');
      doubts.say(undone.gid, 'undo', { reason: 'nobody had decided' });
      doubts.say(waiting.gid, 'wait', { waitMs: 3_600_000 });

      const report = await sweeperWith().pass();

      expect(report).toEqual({ asked: 3, confirmed: 1, undone: 1, waiting: 1, people: 0, trouble: 0 });
      expect(await Promise.all([confirmed, undone, waiting].map(entries))).toEqual([[5, 0], [5, -5], [5]]);
    });

    test('asks about a refused call as well, and undoes it, so that its row can go', async () => {
      ledger.refusal = 'no funds';
      const hold = await held();
      doubts.say(hold.gid, 'undo');

      const reports = [await sweeperWith().pass(), await sweeperWith().pass()];

      expect(reports).toMatchObject([{ asked: 1, undone: 1 }, { asked: 0 }]);
      expect(await participant.execute(hold)).toEqual({ outcome: 'already-undone' });
    });

    test('does nothing without a verdict, or on that of another branch', async () => {
      const hold = await held();
      const silent = { ask: async () => [{ gid: hold.gid, branchId: '2', verdict: 'undo' as const }] };
      const sweeper = createPortDoubtSweeper(
        { participant, database: open().database, doubts: silent },
        {
          clock: { setTimer: () => ({ cancel: () => undefined }) },
          random: { next: () => 0, bytes: (count) => new Uint8Array(count) },
        },
      );

      const report = await sweeper.pass();

      expect(report).toMatchObject({ asked: 1, waiting: 1, undone: 0 });
      expect(await entries(hold)).toEqual([5]);
    });

    test('does nothing while the coordinator cannot be asked, and asks again', async () => {
      const hold = await held();
      doubts.isAway = true;
      doubts.say(hold.gid, 'undo');

      await expect(sweeperWith().pass()).rejects.toThrow('ECONNREFUSED');

      expect(await entries(hold)).toEqual([5]);
      doubts.isAway = false;
      expect(await sweeperWith().pass()).toMatchObject({ undone: 1 });
    });

    test('honours the wait, and asks no sooner where only people can know', async () => {
      const [waiting, lost] = [await held(), await held()];
      doubts.say(waiting.gid, 'wait', { waitMs: 60_000 });
      doubts.say(lost.gid, 'ask-people', { reason: 'its log was restored' });

      const reports = [await sweeperWith().pass(), await sweeperWith().pass()];

      expect(reports).toMatchObject([{ asked: 2, waiting: 1, people: 1 }, { asked: 0 }]);
      expect(await Promise.all([waiting, lost].map(entries))).toEqual([[5], [5]]);
    });

    test('tells with the next question why it could not do what it was told', async () => {
      const hold = await held();
      doubts.say(hold.gid, 'confirm');
      ledger.confirmRefusal = 'expired';

      const reports = [await sweeperWith().pass(), await sweeperWith().pass()];

      expect(reports).toMatchObject([{ trouble: 1 }, { trouble: 1 }]);
      expect(doubts.askedAbout(hold.gid).map(({ trouble }) => trouble)).toEqual([
        undefined,
        'refused: expired',
      ]);
      expect(await entries(hold)).toEqual([5]);
    });

    test('undoes a straggler in a later round when its undo was refused, and nothing that a coordinator drives', async () => {
      const [straggler, driven] = [await held(), await held()];
      doubts.say(straggler.gid, 'undo', { isStraggler: true });
      doubts.say(driven.gid, 'undo');
      ledger.undoRefusal = 'not now';
      const refused = await sweeperWith().pass();
      ledger.undoRefusal = undefined;

      const undone = await sweeperWith().pass();

      expect([refused, undone]).toMatchObject([{ trouble: 2 }, { undone: 1, trouble: 1 }]);
      expect(await Promise.all([straggler, driven].map(entries))).toEqual([[5, -5], [5]]);
    });

    test('goes through all that is due, batch by batch, and ends although each is asked about again at once', async () => {
      const holds = [await held(), await held(), await held(), await held(), await held()];
      for (const { gid } of holds) {
        doubts.say(gid, 'wait', { waitMs: 0 });
      }

      const report = await sweeperWith({ batch: 2 }).pass();

      expect(report).toMatchObject({ asked: 5, waiting: 5 });
      expect(doubts.asked.map((batch) => batch.map(({ gid }) => gid))).toEqual([
        [holds[0]?.gid, holds[1]?.gid],
        [holds[2]?.gid, holds[3]?.gid],
        [holds[4]?.gid],
      ]);
    });

    test('L3: passes by a branch that somebody is ending at this moment, and asks about it again', async () => {
      const [busy, free] = [await held(), await held()];

      const report = await open().database.transaction(async ({ sql }) => {
        await lockRow(sql, busy);
        return sweeperWith({ batch: 1 }).pass();
      });

      expect(report).toMatchObject({ asked: 2, waiting: 2 });
      expect((await sweeperWith().pass()).asked).toBe(1);
      expect([doubts.askedAbout(busy.gid).length, doubts.askedAbout(free.gid).length]).toEqual([2, 1]);
    });

    test('S4: two instances that ask at once end each branch once', async () => {
      const holds = await Promise.all(Array.from({ length: 20 }, () => held()));
      for (const { gid } of holds) {
        doubts.say(gid, 'confirm');
      }

      await Promise.all([sweeperWith({ batch: 7 }).pass(), sweeperWith({ batch: 7 }).pass()]);

      expect(await Promise.all(holds.map(entries))).toEqual(holds.map(() => [5, 0]));
      expect(await sweeperWith().pass()).toMatchObject({ asked: 0 });
    });
  });
}
