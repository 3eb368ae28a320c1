import { expect, test } from '@jest/globals';
import { SharedReading } from './shared.reading.js';

const COUNTS = { pausedCount: 0 };

test('however many look, the log is asked once in five seconds', async () => {
  let readCount = 0;
  let nowMs = 0;
  const reading = new SharedReading({
    read: async () => {
      readCount += 1;
      return COUNTS;
    },
    nowMs: () => nowMs,
  });
  await Promise.all([reading.latest(), reading.latest()]);
  nowMs = 4_999;
  await reading.latest();
  expect(readCount).toBe(1);
  nowMs = 5_000;

  expect(await reading.latest()).toBe(COUNTS);
  expect(readCount).toBe(2);
});

test('a log that hangs holds up nobody who looks', async () => {
  const reading = new SharedReading({ read: async () => new Promise(() => undefined), waitMs: 1 });

  expect(await reading.latest()).toBeUndefined();
});

test('what the log could not tell is asked again five seconds later', async () => {
  let nowMs = 0;
  const answers = [Promise.reject(new Error('gone')), Promise.resolve(COUNTS)];
  const reading = new SharedReading({
    read: async () => answers.shift() ?? COUNTS,
    nowMs: () => nowMs,
  });
  expect(await reading.latest()).toBeUndefined();
  nowMs = 5_000;

  expect(await reading.latest()).toBe(COUNTS);
});
