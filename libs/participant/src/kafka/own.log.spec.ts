import { beforeEach, describe, expect, test } from '@jest/globals';
import { OwnLog } from './own.log.js';

const LIFE = { logNumber: 0, epoch: 1, now: '2026-01-01T00:00:00.000Z', timeoutMaxMs: 1_000 };

describe('a service, of the log of its coordinator,', () => {
  let nowMs: number;
  let timers: (() => void)[];
  let askCount: number;
  /** What the coordinator answers: a log, that it knows of none, or nothing at all. */
  let answer: { logId?: string } | 'away' | 'silent';
  let log: OwnLog;

  beforeEach(() => {
    nowMs = 0;
    timers = [];
    askCount = 0;
    answer = { logId: 'own' };
    const clock = {
      now: () => nowMs,
      setTimer: (_delayMs: number, callback: () => void) => {
        timers.push(callback);
        return { cancel: () => void timers.splice(timers.indexOf(callback), 1) };
      },
    };
    log = new OwnLog({ logInfo: async () => answered() }, clock);
  });

  async function answered(): Promise<typeof LIFE & { logId?: string }> {
    askCount += 1;
    if (answer === 'silent') {
      return new Promise(() => undefined);
    }
    if (answer === 'away') {
      throw new Error('nobody there');
    }
    return { ...LIFE, ...answer };
  }

  test('asks before its first command, and tells others from it', async () => {
    expect([await log.isOther('own'), await log.isOther('other')]).toEqual([false, true]);
    expect(askCount).toBe(1);
  });

  test('finds out that it was made anew before it refuses anything by what it knew', async () => {
    await log.first();
    nowMs = 10_000;
    answer = { logId: 'new' };

    expect([await log.isOther('new'), await log.isOther('own')]).toEqual([false, true]);
  });

  test('refuses nothing while the coordinator is away from the start, and asks again every ten seconds', async () => {
    answer = 'away';
    const first = await log.isOther('any');
    nowMs = 9_999;
    const second = await log.isOther('any');
    answer = { logId: 'own' };
    nowMs = 10_000;
    await log.isOther('any');
    await log.first();

    expect([first, second, askCount, await log.isOther('any')]).toEqual([false, false, 2, true]);
  });

  test('waits for an answer for no longer than five seconds', async () => {
    answer = 'silent';

    const judged = log.isOther('any');
    timers.forEach((callback) => callback());

    expect(await judged).toBe(false);
  });

  test('goes by what it knew when the coordinator is away later', async () => {
    await log.first();
    nowMs = 10_000;
    answer = 'away';

    expect([await log.isOther('other'), await log.isOther('own')]).toEqual([true, false]);
  });

  test('is told nothing by a coordinator of a former version, and refuses nothing', async () => {
    answer = {};

    expect([await log.isOther('any'), log.id]).toEqual([false, undefined]);
  });
});
