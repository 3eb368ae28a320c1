import { describe, expect, test } from '@jest/globals';
import { mintGid } from '@atone/core';
import { createPortJanitor, type CleanUpOptions } from './barrier.janitor.js';
import { createBarrier } from './barrier.js';
import type { Duration } from './client.duration.js';
import { FakeEndings } from './testing/endings.fake.js';
import { MemoryDatabase } from './testing/memory.database.js';

const NOW = 1_767_225_600_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** A janitor whose timers go off when told, and whose dice show `dice`. */
function janitorWith(own: CleanUpOptions & { readonly dice?: number } = {}) {
  const { dice = 0.5, ...options } = own;
  const database = new MemoryDatabase(undefined, { now: () => NOW });
  const connection = database.connect();
  const endings = new FakeEndings();
  const lines: string[] = [];
  const timers: { delayMs: number; callback: () => void; isCancelled: boolean }[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  const janitor = createPortJanitor(
    {
      service: 'stock',
      database: connection,
      endings,
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
      random: { next: () => dice },
    },
  );
  const barrier = createBarrier(connection, endings);
  return {
    janitor,
    endings,
    lines,
    timers,
    /** Leaves a row of a transaction that was minted so long ago. */
    row: async (ageMs: number, salt = 1): Promise<string> => {
      const random = { next: () => 0, bytes: (count: number) => new Uint8Array(count).fill(salt) };
      const gid = mintGid(NOW - ageMs, 0, random);
      await barrier.undo(
        { gid, branchId: '1', service: 'stock', action: 'reserve', round: 1 },
        async () => undefined,
      );
      return gid;
    },
    /** Lets the pause be over, and the pass go through. */
    tick: async (): Promise<void> => {
      timers.at(-1)?.callback();
      await settle();
    },
  };
}

describe('a janitor', () => {
  test('keeps rows for a day after the end, looks every minute, and asks about 200 at once, where nothing is said', async () => {
    const world = janitorWith();
    const [young, old] = [await world.row(DAY_MS - 1), await world.row(DAY_MS + 1)];
    world.endings.ended(DAY_MS, young, old);

    world.janitor.start();
    await world.tick();

    expect(world.timers.map(({ delayMs }) => delayMs)).toEqual([30_000, 60_000]);
    expect(world.endings.asked).toEqual([[old]]);
    expect(world.lines).toEqual(['info: barrier rows removed {"service":"stock","rows":1,"transactions":1}']);
    await Promise.all(Array.from({ length: 201 }, (_, salt) => world.row(2 * DAY_MS, salt)));
    await world.janitor.pass();
    expect(world.endings.asked.slice(1).map(({ length }) => length)).toEqual([200, 1]);
  });

  test.each([
    [0, [0, 500]],
    [0.999, [999, 1499]],
  ])('spreads its passes: dice of %d make pauses of %j', async (dice, pauses) => {
    const { janitor, timers, tick } = janitorWith({ every: '1s', dice });

    janitor.start();
    janitor.start();
    await tick();

    expect(timers.map(({ delayMs }) => delayMs)).toEqual(pauses);
  });

  test('says nothing while there is nothing to do', async () => {
    const { janitor, lines, tick } = janitorWith();

    janitor.start();
    await tick();

    expect(lines).toEqual([]);
  });

  test('tells an outage once, goes on, and tells the next one again', async () => {
    const { janitor, endings, lines, timers, row, tick } = janitorWith();
    const gid = await row(2 * DAY_MS);
    endings.isAway = true;
    janitor.start();
    await tick();
    await tick();
    endings.isAway = false;
    endings.live(gid);
    await tick();
    endings.isAway = true;
    await tick();

    const line =
      'warn: barrier rows could not be removed; trying again {"service":"stock","error":"connect ECONNREFUSED"}';
    expect(lines).toEqual([line, line]);
    expect(timers).toHaveLength(5);
  });

  test('tells once of rows whose transactions the log does not hold, and again when their number changes', async () => {
    const { janitor, lines, row, tick } = janitorWith();
    await row(2 * DAY_MS, 1);
    janitor.start();
    await tick();
    await tick();
    await row(2 * DAY_MS, 2);
    await tick();

    expect(lines.map((line) => /does not hold.*"transactions":(\d)/u.exec(line)?.[1])).toEqual(['1', '2']);
  });

  test('goes on behind what it has cleared, and begins with the oldest row again at every tenth pass', async () => {
    const { janitor, endings, row, tick } = janitorWith();
    const [cleared, later] = [await row(4 * DAY_MS), await row(2 * DAY_MS)];
    endings.ended(DAY_MS, cleared);
    endings.live(later);
    janitor.start();
    await tick();
    endings.ended(DAY_MS, later);
    await tick();
    const late = await row(3 * DAY_MS);
    endings.ended(DAY_MS, late);

    for (let count = 3; count <= 10; count += 1) {
      expect(endings.asked).toEqual([[cleared, later], [later]]);
      // oxlint-disable-next-line no-await-in-loop -- one pass after the other
      await tick();
    }

    expect(endings.asked).toEqual([[cleared, later], [later], [late]]);
  });

  test('that finds only what the log does not hold looks half as often each time, down to once an hour', async () => {
    const { janitor, endings, timers, row, tick } = janitorWith({ every: '20m', dice: 0.25 });
    await row(2 * DAY_MS, 1);
    janitor.start();
    await tick();
    await tick();
    await tick();
    endings.isAway = true;
    await tick();
    endings.isAway = false;
    endings.ended(DAY_MS, await row(2 * DAY_MS, 2));
    await tick();

    const minutes = timers.map(({ delayMs }) => delayMs / 60_000);
    expect(minutes).toEqual([5, 30, 45, 45, 45, 15]);
  });

  test.each<[string, Duration, number]>([
    ['keeps a pause of more than an hour', '2h', 2],
    ['begins again when the log holds them', '1m', 1 / 60],
  ])('that has found only what the log does not hold %s', async (_title, every, hours) => {
    const { janitor, endings, timers, row, tick } = janitorWith({ every });
    const gid = await row(2 * DAY_MS);
    janitor.start();
    await tick();
    endings.live(gid);
    await tick();

    expect(timers.at(-1)?.delayMs).toBe(hours * HOUR_MS);
  });

  test('that is told to stop lets the pass end with its batch, and begins no other', async () => {
    const { janitor, endings, timers, row } = janitorWith({ batch: 1 });
    const gids = [await row(3 * DAY_MS), await row(2 * DAY_MS)];
    endings.ended(DAY_MS, ...gids);
    janitor.start();

    timers[0]?.callback();
    await janitor.stop();

    expect(endings.asked).toEqual([[gids[0]]]);
    expect(timers).toHaveLength(1);
  });

  test('that is told to stop between two passes has no pass any more', async () => {
    const { janitor, timers } = janitorWith();
    janitor.start();

    await janitor.stop();
    janitor.start();

    expect(timers.map(({ isCancelled }) => isCancelled)).toEqual([true]);
  });

  test('does not believe an end that it did not ask for', async () => {
    const { janitor, endings, row } = janitorWith();
    const [old, young] = [await row(2 * DAY_MS), await row(HOUR_MS)];
    endings.live(old);
    endings.ended(2 * DAY_MS, young);
    const honest = endings.endings.bind(endings);
    endings.endings = (gids) => honest([...gids, young]);

    expect(await janitor.pass()).toMatchObject({ removedCount: 0, keptCount: 1, unknownCount: 0 });
  });

  test.each<[string, CleanUpOptions, string]>([
    ['no pause at all', { every: 0 }, '10 ms or more'],
    ['a pause that no timer can hold', { every: '600h' }, '168h or less'],
    ['no batch', { batch: 0 }, 'from 1 to 200'],
    ['too large a batch', { batch: 201 }, 'from 1 to 200'],
    ['half a batch', { batch: 1.5 }, 'from 1 to 200'],
  ])('with %s is refused, with what to do', (_title, options, remedy) => {
    expect(() => janitorWith(options)).toThrow(remedy);
  });
});
