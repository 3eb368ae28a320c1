import { types } from 'node:util';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { StartError } from '../start.error.js';
import { CryptoRandom } from './crypto.random.js';
import { failpointHook } from './environment.failpoints.js';
import { openLogger } from './pino.logger.js';
import { SystemClock } from './system.clock.js';

afterEach(() => {
  jest.useRealTimers();
});

describe('the clock', () => {
  test('goes on from what the log said, whatever this machine believes', () => {
    const clock = new SystemClock();

    clock.synchronize(1_000);

    expect(clock.now()).toBeGreaterThanOrEqual(1_000);
    expect(clock.now()).toBeLessThan(2_000);
  });

  test('keeps a timer for longer than the machine can count', () => {
    jest.useFakeTimers();
    const day = 86_400_000;
    let isDue = false;

    new SystemClock().setTimer(60 * day, () => {
      isDue = true;
    });

    jest.advanceTimersByTime(59 * day);
    expect(isDue).toBe(false);
    jest.advanceTimersByTime(day);
    expect(isDue).toBe(true);
  });

  test('forgets a timer that is called off, however long it was for', () => {
    jest.useFakeTimers();
    let isDue = false;

    const timer = new SystemClock().setTimer(30 * 86_400_000, () => {
      isDue = true;
    });
    jest.advanceTimersByTime(28 * 86_400_000);
    timer.cancel();
    jest.advanceTimersByTime(28 * 86_400_000);

    expect(isDue).toBe(false);
  });
});

describe('randomness', () => {
  test('stays as it was handed out while more is drawn', () => {
    const random = new CryptoRandom();
    const first = random.bytes(16);
    const copy = Uint8Array.from(first);

    const others = Array.from({ length: 1_000 }, () => Buffer.from(random.bytes(16)).toString('hex'));

    expect(first).toEqual(copy);
    expect(new Set(others).size).toBe(1_000);
    expect(random.bytes(10_000)).toHaveLength(10_000);
  });

  test('is a number from 0 up to but not 1', () => {
    const random = new CryptoRandom();
    const numbers = Array.from({ length: 5_000 }, () => random.next());

    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(Math.max(...numbers) - Math.min(...numbers)).toBeGreaterThan(0.9);
  });
});

describe('failpoints', () => {
  test('pause where they are told to, on the pass that is named or on each', () => {
    const hook = failpointHook('a.b=pause:1@2, c=pause:1');

    expect([hook('a.b'), hook('other')]).toEqual([undefined, undefined]);
    expect([hook('a.b'), hook('a.b')].map(types.isPromise)).toEqual([true, false]);
    expect([hook('c'), hook('c')].map(types.isPromise)).toEqual([true, true]);
  });

  test.each(['a', 'a=explode', 'a=kill@x', 'a=pause'])('of the form %s are refused', (rule) => {
    expect(() => failpointHook(rule)).toThrow(StartError);
  });
});

describe('the log of the process', () => {
  test('tells of an error its name, message, code and cause, and nothing else', () => {
    const lines: string[] = [];
    const logger = openLogger('info', { write: (line: string) => void lines.push(line) });
    const cause = Object.assign(new Error('unique'), {
      code: '23505',
      parameters: ['DE89'],
      detail: 'Key (DE89)',
    });

    logger.error({ error: new Error('not written', { cause }) }, 'write failed');

    const line = JSON.parse(lines[0] ?? '') as { msg: string; error: { message: string; cause: object } };
    expect(line).toMatchObject({
      msg: 'write failed',
      error: { message: 'not written', cause: { code: '23505' } },
    });
    expect(lines[0]).not.toContain('DE89');
  });
});
