import { expect, test } from '@jest/globals';
import { TopicCounts } from './topic.counts.js';

test('it is known how many partitions a topic has once somebody has asked, until it is forgotten', async () => {
  const { counts } = countsOf(() => 3);
  const before = counts.of('orders');
  await counts.learn(['orders']);
  const known = counts.of('orders');

  counts.forget(['orders']);

  expect([before, known, counts.of('orders')]).toEqual([undefined, 3, undefined]);
});

test('that a topic does not exist is known for a second, and then has to be asked again', async () => {
  const { counts, pass } = countsOf(() => 0);
  await counts.learn(['orders']);

  const missing = counts.of('orders');
  const isNews = counts.isNews('orders');
  pass(1_001);

  expect([missing, isNews]).toEqual([0, true]);
  expect([counts.of('orders'), counts.isNews('orders')]).toEqual([undefined, false]);
});

test('what is doubted is asked once more, and then taken for granted for a second', async () => {
  const { counts, pass } = countsOf(() => 3);
  await counts.learn(['orders']);
  const before = counts.isNews('orders');

  await counts.learn(['orders']);

  const after = counts.isNews('orders');
  pass(1_001);
  expect([before, after, counts.isNews('orders')]).toEqual([false, true, false]);
});

test('what was known for a minute is asked anew, and serves meanwhile', async () => {
  const partitionCounts = [3, 5];
  const { asked, counts, pass } = countsOf(() => partitionCounts.shift() ?? 0);
  await counts.learn(['orders']);
  pass(60_001);

  const [first, second] = [counts.of('orders'), counts.of('orders')];

  await new Promise(setImmediate);
  expect([first, second, counts.of('orders')]).toEqual([3, 3, 5]);
  expect(asked).toEqual(['orders', 'orders']);
});

/** Counts that ask this, on a clock of their own. */
function countsOf(answer: () => number) {
  const asked: string[] = [];
  let now = 0;
  const counts = new TopicCounts(
    async (topics) => {
      asked.push(topics.join());
      return new Map(topics.map((topic) => [topic, answer()]));
    },
    () => now,
  );
  return { asked, counts, pass: (ms: number) => (now += ms) };
}
