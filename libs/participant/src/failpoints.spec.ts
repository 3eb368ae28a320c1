import { setFailpointHook } from '@atone/core';
import { afterEach, describe, expect, test } from '@jest/globals';
import { sendPast } from './failpoints.js';

afterEach(() => setFailpointHook(undefined));

/** Notes which failpoints are passed, and is stopped at one of them until `goOn` is called. */
function stoppingAt(place: string | undefined): { readonly passed: string[]; goOn(this: void): void } {
  const passed: string[] = [];
  const waiting: (() => void)[] = [];
  setFailpointHook((name) => {
    passed.push(name);
    return name === place ? new Promise<void>((resolve) => void waiting.push(resolve)) : undefined;
  });
  return { passed, goOn: () => waiting.forEach((resolve) => resolve()) };
}

/** Lets everything happen that waits for nobody. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('what is sent past the failpoints', () => {
  test('passes one before, one while nobody has heard the answer, and one after it', async () => {
    const { passed } = stoppingAt(undefined);

    const answer = await sendPast('decide', async () => {
      passed.push('sent');
      return 'committed';
    });

    expect(answer).toBe('committed');
    expect(passed).toEqual([
      'led.decide.beforeSend',
      'sent',
      'led.decide.afterSend',
      'led.decide.afterAnswer',
    ]);
  });

  test('has no answer after it where none came', async () => {
    const { passed } = stoppingAt(undefined);

    await expect(sendPast('call', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');

    expect(passed).toEqual(['led.call.beforeSend', 'led.call.afterSend']);
  });

  test('is not sent while it is stopped before', async () => {
    const { passed, goOn } = stoppingAt('led.register.beforeSend');
    const sending = sendPast('register', async () => void passed.push('sent'));
    await turn();
    expect(passed).not.toContain('sent');

    goOn();

    await sending;
    expect(passed).toContain('sent');
  });

  test('may fail while nobody listens, and tells it when it goes on', async () => {
    const { goOn } = stoppingAt('led.call.afterSend');
    const sending = sendPast('call', () => Promise.reject(new Error('lost')));
    await turn();

    goOn();

    await expect(sending).rejects.toThrow('lost');
  });

  test('leaves at once where nobody has installed a hook', () => {
    let isSent = false;

    void sendPast('call', async () => {
      isSent = true;
    });

    expect(isSent).toBe(true);
  });
});
