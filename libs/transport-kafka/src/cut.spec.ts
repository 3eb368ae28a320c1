import { expect, test } from '@jest/globals';
import { Cut } from './cut.js';

test('what has ended before the cut leaves nothing behind', async () => {
  const cut = new Cut();
  for (let batch = 0; batch < 10; batch += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one batch after the other
    await cut.orMade(Promise.resolve());
  }
  await expect(cut.orMade(Promise.reject(new Error('the log said no')))).rejects.toThrow('the log said no');

  expect(cut.count).toBe(0);
});

test('what is waited for when the cut is made, or later, ends with it', async () => {
  const cut = new Cut();
  const never = new Promise<void>(() => undefined);
  const waiting = cut.orMade(never);

  cut.make();

  await expect(waiting).rejects.toThrow('before the log had answered');
  await expect(cut.orMade(never)).rejects.toThrow('before the log had answered');
  expect(cut.count).toBe(0);
});
