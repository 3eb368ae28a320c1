import type { LedBranch } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BarrierWorld } from './barrier.commands.js';
import { MisuseError } from '../participant.error.js';
import { createParticipant, type Participant, type ParticipantOptions } from '../participant.js';
import type { LedRuntime } from '../led/scope.port.js';
import {
  command,
  createLedger,
  LED,
  LED_CLOCK,
  LED_RANDOM,
  ledCommand,
  ledNext,
  NONCE,
  type Ledger,
} from './ledger.fixture.js';

const DAY_MS = 24 * 3_600_000;
const CONFIRMED = { outcome: 'confirmed' };
const UNDONE = { outcome: 'undone', wasEmpty: false };
const UNDONE_EMPTY = { outcome: 'undone', wasEmpty: true };
const ALREADY_UNDONE = { outcome: 'already-undone' };
const refused = (reason: string) => ({ outcome: 'refused', refusal: { reason, isStored: true } });
const lost = (why: string) => ({ outcome: 'lost', message: expect.stringContaining(why) });
const unknown = (errorClass: string, message: string) => ({
  outcome: 'unknown',
  error: { class: errorClass, message: expect.stringContaining(message) },
});

const BELOW: LedBranch = {
  branchId: '1~k7.1',
  service: 'stock',
  action: 'hold',
  kind: 'tcc',
  nonce: 'nonce-of-stock',
};

/** Has each execution enlist what a test says. */
const runtimeOf = (collect: () => readonly LedBranch[]): LedRuntime => ({
  run: (_command, work) => work({ collect: async () => ({ below: collect(), registered: [] }) }),
});

/** What must hold where the initiator's own code calls the actions. */
export function describeLedBranches<Transaction>(open: () => BarrierWorld<Transaction>): void {
  let ledger: Ledger<Transaction>;
  let participant: Participant;

  const makeParticipant = (change: Partial<ParticipantOptions<Transaction>> = {}) => {
    const { database } = open();
    const handlers = [ledger.handler, ledger.tryHandler];
    const given = { clock: LED_CLOCK, random: LED_RANDOM, ...change };
    return createParticipant({ service: 'ledger', database, handlers, ...given });
  };
  const entries = (of: BranchCommand) => open().books.entriesOf(of);

  beforeEach(() => {
    ledger = createLedger(open().database, open().books);
    participant = makeParticipant();
  });

  describe('of a call of a led transaction', () => {
    test('tells with each answer how the branch is ended, and what was enlisted below it by the run that took effect', async () => {
      const hold = ledCommand();
      const instance = makeParticipant({ runtime: runtimeOf(() => [BELOW]) });

      const first = await instance.execute(hold);
      const repeat = await makeParticipant({ runtime: runtimeOf(() => []) }).execute({ ...hold, attempt: 2 });

      expect(first).toMatchObject({
        outcome: 'done',
        enlistment: { kind: 'tcc', nonce: NONCE, inputHash: expect.stringMatching(/^[0-9a-f]{64}$/u) },
      });
      expect(first).toMatchObject({ enlistment: { below: [BELOW] } });
      expect(repeat).toEqual(first);
      expect(await entries(hold)).toEqual([5]);
    });

    test('draws another nonce for each row, and keeps it for a later round', async () => {
      const drawing = makeParticipant({ random: undefined });
      const [one, other] = [ledCommand({ action: 'book' }), ledCommand({ action: 'book' })];
      ledger.refusal = 'no funds';
      await participant.execute(one);
      ledger.refusal = undefined;

      const replies = [await drawing.execute({ ...one, round: 2 }), await drawing.execute(other)];

      expect(replies).toMatchObject([
        { enlistment: { kind: 'saga', nonce: NONCE } },
        { enlistment: { kind: 'saga', nonce: expect.not.stringMatching(NONCE) } },
      ]);
    });

    test('turns away whoever has another secret, or none, and leaves the branch as it is', async () => {
      const hold = ledCommand();
      await participant.execute(hold);

      const replies = [
        await participant.execute({ ...hold, led: { ...LED, secretHash: 'cd'.repeat(32) } }),
        await participant.execute({ ...hold, led: undefined }),
      ];

      const expected = unknown('bad-payload', 'A repeat must be of the same');
      expect(replies).toEqual([expected, expected]);
      expect(await entries(hold)).toEqual([5]);
    });

    test('stores nothing while the calls of its handler are in flight', async () => {
      const hold = ledCommand();
      const hasty = makeParticipant({
        runtime: runtimeOf(() => {
          throw new MisuseError('A call is still in flight.');
        }),
      });

      const reply = await hasty.execute(hold);

      expect(reply).toEqual(unknown('code', 'still in flight'));
      expect(await entries(hold)).toEqual([]);
      expect(await participant.execute(hold)).toMatchObject({ outcome: 'done' });
    });

    test.each<[string, Partial<BranchCommand>, ReturnType<typeof unknown>]>([
      ['after the deadline', { remainingMs: 0 }, unknown('timeout', 'too late')],
      ['without a deadline', { remainingMs: undefined }, unknown('bad-payload', 'remainingMs')],
    ])('S12: %s it does nothing', async (_title, change, answer) => {
      const hold = ledCommand(change);

      const reply = await participant.execute(hold);

      expect(reply).toEqual(answer);
      expect([ledger.runCount, await entries(hold)]).toEqual([0, []]);
      expect(await participant.execute(ledNext(hold, 'confirm'))).toEqual(lost('no row'));
    });

    test.each([
      ['long ago', 2 * DAY_MS, 'See which clock is wrong'],
      ['in the future', -10 * 60_000, 'in the future'],
    ])('S12: it does nothing for a transaction that began %s', async (_title, aheadMs, words) => {
      const clock = { ...LED_CLOCK, now: () => LED_CLOCK.now() + aheadMs };
      const hold = ledCommand();

      const reply = await makeParticipant({ clock }).execute(hold);

      expect(reply).toEqual(unknown('bad-payload', words));
      expect(ledger.runCount).toBe(0);
    });

    test('S12: an action that nothing can undo is not carried out', async () => {
      const book = ledCommand({ action: 'book' });
      const handlers = [{ ...ledger.handler, compensate: undefined }];

      const reply = await makeParticipant({ handlers }).execute(book);

      expect(reply).toEqual(unknown('code', 'has no compensation'));
      expect([ledger.runCount, await entries(book)]).toEqual([0, []]);
    });
  });

  describe('of the end of a led branch', () => {
    test('S4: confirms a try once, however often it is told to, and answers its call as before', async () => {
      const hold = ledCommand();
      const done = await participant.execute(hold);

      const replies = [
        await participant.execute(ledNext(hold, 'confirm')),
        await participant.execute(ledNext(hold, 'confirm', { attempt: 2 })),
        await participant.execute(ledNext(hold, 'confirm', { round: 2 })),
        await participant.execute(ledNext(hold, 'close-confirm', { round: 3 })),
      ];

      expect(replies).toEqual([CONFIRMED, CONFIRMED, CONFIRMED, CONFIRMED]);
      expect(await entries(hold)).toEqual([5, 0]);
      expect(await participant.execute(hold)).toEqual(done);
    });

    test('confirms what took effect at once without any code', async () => {
      const book = ledCommand({ action: 'book' });
      await participant.execute(book);

      const reply = await makeParticipant({ handlers: [] }).execute(ledNext(book, 'confirm'));

      expect(reply).toEqual(CONFIRMED);
      expect(await entries(book)).toEqual([5]);
    });

    test('S1: never undoes what was confirmed, and says that somebody must be wrong', async () => {
      const hold = ledCommand();
      await participant.execute(hold);
      await participant.execute(ledNext(hold, 'confirm'));

      const replies = [
        await participant.execute(ledNext(hold, 'compensate')),
        await participant.execute(ledNext(hold, 'compensate', { round: 2, nonce: undefined })),
        await participant.execute(ledNext(hold, 'close-compensate')),
      ];

      const answer = unknown('code', 'was confirmed here');
      expect(replies).toEqual([answer, answer, answer]);
      expect(await entries(hold)).toEqual([5, 0]);
    });

    test('S5: bars a try that comes after its cancel, and a confirm too', async () => {
      const [hold, late] = [ledCommand(), ledCommand()];
      await participant.execute(hold);

      const replies = [
        await participant.execute(ledNext(hold, 'compensate')),
        await participant.execute(hold),
        await participant.execute(ledNext(hold, 'confirm')),
        await participant.execute(ledNext(hold, 'close-confirm')),
        await participant.execute(ledNext(late, 'compensate')),
        await participant.execute(late),
        await participant.execute(ledNext(late, 'confirm')),
      ];

      expect(replies).toEqual([
        UNDONE,
        ALREADY_UNDONE,
        ALREADY_UNDONE,
        ALREADY_UNDONE,
        UNDONE_EMPTY,
        ALREADY_UNDONE,
        ALREADY_UNDONE,
      ]);
      expect([await entries(hold), await entries(late)]).toEqual([[5, -5], []]);
    });

    test('never acknowledges the confirm of an effect that was lost, and stores nothing of it', async () => {
      const hold = ledCommand();
      const confirm = ledNext(hold, 'confirm');

      const replies = [
        await participant.execute(confirm),
        await participant.execute(ledNext(hold, 'close-confirm')),
      ];

      expect(replies).toEqual([lost('no row'), lost('no row')]);
      expect(await participant.execute(hold)).toMatchObject({ outcome: 'done' });
      expect(await participant.execute(confirm)).toEqual(CONFIRMED);
    });

    test('does not take the effect of another run, of another initiator or of a plan for the one to confirm', async () => {
      const [hold, refusal, plan] = [ledCommand(), ledCommand(), command()];
      await participant.execute(hold);
      await participant.execute(plan);
      ledger.refusal = 'no funds';
      await participant.execute(refusal);
      const secretHash = 'cd'.repeat(32);

      const replies = [
        await participant.execute(ledNext(hold, 'confirm', { nonce: 'another-nonce' })),
        await participant.execute(ledNext(hold, 'confirm', { led: { ...LED, secretHash } })),
        await participant.execute(ledNext(hold, 'confirm', { action: 'book' })),
        await participant.execute(ledNext(plan, 'confirm')),
        await participant.execute(ledNext(refusal, 'confirm')),
      ];

      expect(replies).toEqual(['nonce', 'another secret', 'ledger.hold', 'a plan', 'was refused'].map(lost));
      expect([await entries(hold), await entries(plan)]).toEqual([[5], [5]]);
    });

    test('confirms whatever run has made the effect when the list has told no nonce', async () => {
      const hold = ledCommand();
      await participant.execute(hold);

      expect(await participant.execute(ledNext(hold, 'confirm', { nonce: undefined }))).toEqual(CONFIRMED);
    });

    test('S7: undoes the effect of another run as well, which is on no list', async () => {
      const hold = ledCommand();
      await participant.execute(hold);

      const reply = await participant.execute(ledNext(hold, 'compensate', { nonce: 'another-nonce' }));

      expect(reply).toEqual(UNDONE);
      expect(await entries(hold)).toEqual([5, -5]);
    });

    test('stores a refused confirm for its round; a later one runs', async () => {
      const hold = ledCommand();
      await participant.execute(hold);
      ledger.confirmRefusal = 'expired';
      const first = await participant.execute(ledNext(hold, 'confirm'));
      ledger.confirmRefusal = undefined;

      const repeat = await participant.execute(ledNext(hold, 'confirm', { attempt: 2 }));
      const later = await participant.execute(ledNext(hold, 'confirm', { round: 2 }));

      expect([first, repeat, later]).toEqual([refused('expired'), refused('expired'), CONFIRMED]);
      expect(await entries(hold)).toEqual([5, 0]);
    });

    test('bars a round of the confirm that an operator closes; a later one runs', async () => {
      const hold = ledCommand();
      await participant.execute(hold);

      const replies = [
        await participant.execute(ledNext(hold, 'close-confirm')),
        await participant.execute(ledNext(hold, 'close-confirm')),
        await participant.execute(ledNext(hold, 'confirm')),
        await participant.execute(ledNext(hold, 'confirm', { round: 2 })),
      ];

      const closed = { outcome: 'closed' };
      expect(replies).toEqual([closed, closed, refused('closed by operator'), CONFIRMED]);
      expect(await entries(hold)).toEqual([5, 0]);
    });

    test('leaves nothing of a confirm that throws, and tries again', async () => {
      const hold = ledCommand();
      await participant.execute(hold);
      ledger.afterConfirm = () => Promise.reject(new Error('the network is down'));

      const failed = await participant.execute(ledNext(hold, 'confirm'));

      expect(failed).toEqual(unknown('error', 'the network is down'));
      expect(await entries(hold)).toEqual([5]);
      ledger.afterConfirm = () => undefined;
      expect(await participant.execute(ledNext(hold, 'confirm', { attempt: 2 }))).toEqual(CONFIRMED);
    });

    test('S1: of a confirm and a cancel at the same instant one counts, and the other is told so', async () => {
      const other = makeParticipant();
      const holds = Array.from({ length: 30 }, (_, index) => ledCommand({ branchId: `race-${index}` }));
      await Promise.all(holds.map((hold) => participant.execute(hold)));

      const replies = await Promise.all(
        holds.map((hold) =>
          Promise.all([
            participant.execute(ledNext(hold, 'confirm')),
            other.execute(ledNext(hold, 'compensate')),
          ]),
        ),
      );

      const booked = await Promise.all(holds.map(entries));
      const ends = replies.map(([confirm, undo], index) =>
        [confirm.outcome, undo.outcome, ...(booked[index] ?? [])].join(' '),
      );
      const legal = new Set(['confirmed unknown 5 0', 'already-undone undone 5 -5']);
      expect(ends.filter((end) => !legal.has(end))).toEqual([]);
    });
  });
}
