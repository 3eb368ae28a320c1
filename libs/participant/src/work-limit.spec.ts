import { beforeEach, describe, expect, test } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { WorkLimit, type RunningWork } from './work-limit.js';

describe('a limit of work', () => {
  let limit: WorkLimit<string>;
  let isIdle: boolean;

  beforeEach(() => {
    limit = new WorkLimit({ running: 2, waiting: 2, below: 3 }, () => 0);
    isIdle = false;
  });

  test('is idle at once where nothing runs', async () => {
    await watchIdle();

    expect(isIdle).toBe(true);
  });

  test('is idle when what ran then has ended, though other work has begun since', async () => {
    const first = begin('first');
    await watchIdle();
    const second = begin('second');
    const before = isIdle;

    limit.leave(first);
    await setImmediate();

    expect([before, isIdle]).toEqual([false, true]);
    limit.leave(second);
  });

  test('is idle no sooner than what waited then has begun and ended', async () => {
    const [first, second] = [begin('first'), begin('second')];
    const third = limit.enter('third');
    await watchIdle();
    const fourth = limit.enter('fourth');

    limit.leave(first);
    limit.leave(second);
    await setImmediate();
    const whileThirdRuns = isIdle;
    limit.leave((await third) as RunningWork<string>);
    await setImmediate();

    expect([whileThirdRuns, isIdle]).toEqual([false, true]);
    limit.leave((await fourth) as RunningWork<string>);
  });

  async function watchIdle(): Promise<void> {
    void seeIdle();
    await setImmediate();
  }

  async function seeIdle(): Promise<void> {
    await limit.idle();
    isIdle = true;
  }

  function begin(subject: string): RunningWork<string> {
    return limit.enter(subject) as RunningWork<string>;
  }
});
