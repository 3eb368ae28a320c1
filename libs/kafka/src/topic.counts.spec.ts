import { expect, test } from '@jest/globals';
import { TopicCounts } from './topic.counts.js';

test('it is asked once how many partitions a topic has, until it is forgotten', async () => {
  const asked: string[] = [];
  const counts = new TopicCounts(async (topics) => {
    asked.push(topics.join());
    return new Map(topics.map((topic) => [topic, 3]));
  });
  await counts.of(['a', 'b']);
  await counts.of(['a']);
  counts.forget(['a']);

  const known = await counts.of(['a', 'b']);

  expect(known).toEqual(
    new Map([
      ['a', 3],
      ['b', 3],
    ]),
  );
  expect(asked).toEqual(['a,b', 'a']);
});

test('it is asked each time about a topic that does not exist', async () => {
  const answers = [new Map<string, number>(), new Map([['late', 1]])];
  const counts = new TopicCounts(async () => answers.shift() ?? new Map<string, number>());
  const before = await counts.of(['late']);

  const after = await counts.of(['late']);

  expect(before.size).toBe(0);
  expect(after.get('late')).toBe(1);
});
