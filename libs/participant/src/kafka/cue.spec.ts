import { expect, test } from '@jest/globals';
import { Cue } from './cue.js';

test('all who wait are woken by what happens, and by what goes wrong', async () => {
  const cue = new Cue();
  const { signal } = new AbortController();
  const woken = [cue.next(signal), cue.next(signal)];
  cue.fire();
  const failed = cue.next(signal);

  cue.fire(new Error('no such topic'));

  expect(await Promise.all(woken)).toHaveLength(2);
  await expect(failed).rejects.toThrow('no such topic');
});

test('who stops waiting leaves nothing behind', async () => {
  const cue = new Cue();
  const late = new AbortController();
  const waiting = Promise.allSettled(Array.from({ length: 5 }, async () => cue.next(late.signal)));

  late.abort(new Error('too late'));

  expect((await waiting)[4]).toMatchObject({ reason: { message: 'too late' } });
  expect(cue.count).toBe(0);
  await expect(cue.next(late.signal)).rejects.toThrow('too late');
});
