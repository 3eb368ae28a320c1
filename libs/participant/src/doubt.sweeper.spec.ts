import { describe, expect, test } from '@jest/globals';
import type { Json } from '@atone/core';
import { createPortDoubtSweeper, type SweepOptions } from './doubt.sweeper.js';
import { createParticipant } from './participant.js';
import { FakeDoubts } from './testing/doubts.fake.js';
import { createLedger, LED_CLOCK, LED_RANDOM, ledCommand, type Books } from './testing/ledger.fixture.js';
import { MemoryDatabase, type MemoryTransaction } from './testing/memory.database.js';

const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** A sweeper whose timers go off when told, whose dice show `dice`, and whose database has the time that a test tells. */
function sweeperWith(own: SweepOptions & { readonly dice?: number } = {}) {
  const { dice = 0.5, ...options } = own;
  const time = { now: 0 };
  const database = new MemoryDatabase(undefined, { now: () => time.now });
  const connection = database.connect();
  const books: Books<MemoryTransaction> = {
    book: async (transaction, { amount }) => transaction.record(amount),
    balance: async () => 0,
    entriesOf: async () => [],
  };
  const ledger = createLedger(connection, books);
  const participant = createParticipant({
    service: 'ledger',
    database: connection,
    handlers: [ledger.tryHandler],
    clock: LED_CLOCK,
    random: LED_RANDOM,
  });
  const doubts = new FakeDoubts();
  const lines: string[] = [];
  const timers: { delayMs: number; callback: () => void; isCancelled: boolean }[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  const sweeper = createPortDoubtSweeper(
    {
      participant,
      database: connection,
      doubts,
      log: { info: write('info'), warn: write('warn') },
      ...options,
    },
    {
      clock: {
        setTimer(delayMs, callback) {
          const timer = { delayMs, callback, isCancelled: false };
          timers.push(timer);
          return { cancel: () => void (timer.isCancelled = true) };
        },
      },
      random: { next: () => dice, bytes: LED_RANDOM.bytes },
    },
  );
  return {
    sweeper,
    doubts,
    ledger,
    lines,
    timers,
    time,
    entries: (): readonly Json[] => database.entries,
    /** Leaves a branch whose deadline passes at the instant 1,000. */
    hold: async (): Promise<string> => {
      const hold = ledCommand({ remainingMs: Math.max(1, 1_000 - time.now) });
      await participant.execute(hold);
      return hold.gid;
    },
    /** Lets the pause be over, and the pass go through. */
    tick: async (): Promise<void> => {
      timers.at(-1)?.callback();
      await settle();
    },
  };
}

describe('a sweeper', () => {
  test('looks every five seconds, and asks about 200 at once, where nothing is said', async () => {
    const { sweeper, doubts, time, timers, hold, tick } = sweeperWith();
    for (let count = 0; count < 201; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one connection is enough
      await hold();
    }
    time.now = 1_000;

    sweeper.start();
    sweeper.start();
    await tick();

    expect(timers.map(({ delayMs }) => delayMs)).toEqual([2_500, 5_000]);
    expect(doubts.asked.map(({ length }) => length)).toEqual([200, 1]);
  });

  test('asks when the deadline has passed by the clock of the database, and tells for how long', async () => {
    const { sweeper, doubts, time, hold } = sweeperWith();
    const gid = await hold();
    time.now = 999;
    await sweeper.pass();
    expect(doubts.asked).toEqual([]);
    time.now = 1_250;

    await sweeper.pass();

    expect(doubts.askedAbout(gid)).toMatchObject([{ overdueMs: 250 }]);
  });

  test('L4: asks later and later about what stays undecided, at a moment that is drawn, and never before it was told to', async () => {
    const { sweeper, doubts, time, hold } = sweeperWith();
    const gid = await hold();
    doubts.say(gid, 'wait', { waitMs: 100 });
    const askedAt: number[] = [];

    for (time.now = 1_000; time.now <= 9_000; time.now += 100) {
      // oxlint-disable-next-line no-await-in-loop -- time passes
      const { asked } = await sweeper.pass();
      askedAt.push(...(asked === 0 ? [] : [time.now]));
    }

    // Half of 1, 2, 4 and 8 s, and the 100 ms of the coordinator.
    expect(askedAt).toEqual([1_000, 1_600, 2_700, 4_800, 8_900]);
  });

  test('tells what it ended, once, and nothing while there is nothing to do', async () => {
    const { sweeper, doubts, time, lines, hold, tick, entries } = sweeperWith();
    doubts.say(await hold(), 'confirm');
    doubts.say(await hold(), 'undo');
    time.now = 1_000;
    sweeper.start();

    await tick();
    await tick();

    expect(lines).toEqual([
      'info: branches in doubt ended {"service":"ledger","asked":2,"confirmed":1,"undone":1}',
    ]);
    expect(entries().map(String).toSorted()).toEqual(['-5', '0', '5', '5']);
  });

  test('tells an outage once, pauses longer and longer meanwhile, and tells the next one again', async () => {
    const { sweeper, doubts, time, lines, timers, hold, tick } = sweeperWith();
    await hold();
    time.now = 1_000;
    doubts.isAway = true;
    sweeper.start();
    for (let count = 0; count < 6; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one pass after the other
      await tick();
    }
    doubts.isAway = false;
    await tick();
    await hold();
    time.now += 1;
    doubts.isAway = true;
    await tick();

    const line =
      'warn: branches in doubt could not be asked about; trying again {"service":"ledger","error":"connect ECONNREFUSED"}';
    expect(lines).toEqual([line, line]);
    expect(timers.map(({ delayMs }) => delayMs / 1_000)).toEqual([2.5, 10, 20, 40, 60, 60, 60, 5, 10]);
  });

  test('tells people once of a branch of which the coordinator cannot know, and asks again ten minutes later', async () => {
    const { sweeper, doubts, time, lines, hold } = sweeperWith();
    const gid = await hold();
    doubts.say(gid, 'ask-people', { reason: 'the log was restored' });

    for (time.now = 1_000; time.now < 1_300_000; time.now += 60_000) {
      // oxlint-disable-next-line no-await-in-loop -- time passes
      await sweeper.pass();
    }

    expect(doubts.asked).toHaveLength(3);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^warn: a branch is in doubt.*person.*"reason":"the log was restored"/u);
  });

  test('tells a trouble once while it stays the same', async () => {
    const { sweeper, doubts, ledger, time, lines, hold } = sweeperWith({ dice: 0 });
    doubts.say(await hold(), 'confirm');
    ledger.confirmRefusal = 'expired';
    time.now = 1_000;

    await sweeper.pass();
    await sweeper.pass();

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^warn: branch in doubt could not be ended.*"error":"refused: expired"/u);
  });

  test('that is told to stop lets the pass end with its batch, and begins no other', async () => {
    const { sweeper, doubts, time, timers, hold } = sweeperWith({ batch: 1 });
    const gids = [await hold(), await hold()];
    time.now = 1_000;
    sweeper.start();

    timers[0]?.callback();
    await sweeper.stop();

    expect(doubts.asked.map((batch) => batch.map(({ gid }) => gid))).toEqual([[gids[0]]]);
    expect(timers).toHaveLength(1);
  });

  test('that is told to stop between two passes has no pass any more', async () => {
    const { sweeper, timers } = sweeperWith();
    sweeper.start();

    await sweeper.stop();
    sweeper.start();

    expect(timers.map(({ isCancelled }) => isCancelled)).toEqual([true]);
  });

  test.each<[string, SweepOptions, string]>([
    ['no pause at all', { every: 0 }, 'from 10 ms to an hour'],
    ['a pause of a day', { every: '24h' }, 'from 10 ms to an hour'],
    ['no batch', { batch: 0 }, 'from 1 to 200'],
    ['too large a batch', { batch: 201 }, 'from 1 to 200'],
    ['half a batch', { batch: 1.5 }, 'from 1 to 200'],
  ])('with %s is refused, with what to do', (_title, options, remedy) => {
    expect(() => sweeperWith(options)).toThrow(remedy);
  });
});
