import nodeCrypto from 'node:crypto';
import { expect, test } from '@jest/globals';
import { guarded } from './guarded.js';
import { watchCrypto } from './hidden.inputs.js';

watchCrypto();

test.each([
  ['Date.now()', () => Date.now()],
  ['new Date()', () => new Date()],
  ['Math.random()', () => Math.random()],
  ['performance.now()', () => performance.now()],
  ['setTimeout()', () => setTimeout(() => undefined, 1)],
  ['setInterval()', () => setInterval(() => undefined, 1)],
  ['crypto.randomUUID()', () => globalThis.crypto.randomUUID()],
  ['crypto.getRandomValues()', () => globalThis.crypto.getRandomValues(new Uint8Array(1))],
  ['randomUUID() of node:crypto', () => nodeCrypto.randomUUID()],
])('%s fails a run, even where its error is caught', async (what, call) => {
  const reported = await failuresOf(async () => {
    expect(call).toThrow(what);
  });

  expect(reported.map(String)).toEqual([expect.stringContaining(what)]);
});

test('a time that is given is no hidden input', async () => {
  const reported = await failuresOf(async () => {
    expect(new Date(0).toISOString()).toBe('1970-01-01T00:00:00.000Z');
  });

  expect(reported).toEqual([]);
});

test('afterwards everything is as it was', async () => {
  await failuresOf(() => Promise.resolve());

  expect(Date.now()).toBeGreaterThan(0);
  expect(new Date()).toBeInstanceOf(Date);
  expect(Math.random()).toBeLessThan(1);
  expect(Object.hasOwn(performance, 'now')).toBe(false);
});

test('what is thrown fails the run', async () => {
  const reported = await failuresOf(() => Promise.reject(new Error('no')));

  expect(reported).toEqual([new Error('no')]);
});

test('two worlds at once are refused', async () => {
  await guarded(
    () => undefined,
    async () => {
      await expect(failuresOf(() => Promise.resolve())).rejects.toThrow('one world at a time');
    },
  );
});

async function failuresOf(work: () => Promise<void>): Promise<unknown[]> {
  const reported: unknown[] = [];
  await guarded((error) => reported.push(error), work);
  return reported;
}
