import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mintGid } from '@atone/core';
import { Desk, ended, running, type LogWorld } from './log.desk.js';
import { SeededRandom } from './seeded-random.js';

const DAY_MS = 86_400_000;

/** Describes what a log tells of ends, by which barriers remove their rows; `makeLog` is called for each test. */
export function describeLogEndings(name: string, makeLog: () => Promise<LogWorld>): void {
  describe(`${name} tells which transactions have ended`, () => {
    let desk: Desk;

    beforeEach(async () => {
      desk = new Desk(await makeLog());
      await desk.readClock();
    });

    afterEach(async () => {
      await desk.world.end();
    });

    test('and for how long', async () => {
      const { log, accepted, world } = desk;
      const [committed, aborted] = [await accepted(), await accepted()];
      await log.update([ended(committed, 'committed')]);
      await world.advance(60_000);
      await log.update([ended(aborted, 'aborted')]);
      await world.advance(5_000);

      const endings = await log.endings([aborted.gid, committed.gid]);

      const spanOf = ({ gid }: { gid: string }): number =>
        endings.find((ending) => ending.gid === gid)?.endedForMs ?? Number.NaN;
      expect(endings).toHaveLength(2);
      expect(Math.floor(spanOf(committed) / 60_000)).toBe(1);
      expect(spanOf(committed) - spanOf(aborted)).toBeGreaterThanOrEqual(60_000);
      expect(spanOf(aborted)).toBeGreaterThanOrEqual(5_000);
    });

    test('at once', async () => {
      const { log, accepted } = desk;
      const row = await accepted();
      await log.update([ended(row, 'committed')]);

      const [ending] = await log.endings([row.gid]);

      expect(ending).toEqual({ gid: row.gid, endedForMs: expect.any(Number) });
      expect(ending?.endedForMs).toBeGreaterThanOrEqual(0);
    });

    test.each([
      ['under way', running()],
      ['decided and not through', running({ state: 'committing' })],
      ['stuck', running({ state: 'aborting', stuckReason: 'refused', stuckAt: 1_700_000_000_000 })],
      ['paused', running({ isPaused: true })],
    ])('and that one which is %s has not, however old it is', async (_title, progress) => {
      const { log, accepted, world } = desk;
      const row = await accepted();
      await log.update([{ ...row, progress }]);
      await world.advance(DAY_MS);

      expect(await log.endings([row.gid])).toEqual([{ gid: row.gid, endedForMs: undefined }]);
    });

    test('and nothing of those that it does not hold, of whatever day', async () => {
      const { log, accepted, now } = desk;
      const known = await accepted();
      const random = new SeededRandom(7);
      const strangers = [1, now - 400 * DAY_MS, now, now + 400 * DAY_MS].map((ms) => mintGid(ms, 0, random));

      const endings = await log.endings([...strangers, known.gid, known.gid]);

      expect(endings).toEqual([{ gid: known.gid, endedForMs: undefined }]);
      expect(await log.endings(strangers)).toEqual([]);
    });

    test('and nothing when it is asked of none', async () => {
      expect(await desk.log.endings([])).toEqual([]);
    });
  });
}
