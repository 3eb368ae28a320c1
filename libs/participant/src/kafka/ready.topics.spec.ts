import type { TopicSettings } from '@atone/kafka';
import { expect, jest, test } from '@jest/globals';
import { readyTopics } from './ready.topics.js';

const WEEK = String(7 * 86_400_000);
const MONTH = String(30 * 86_400_000);

test.each([
  ['atone.commands.stock', 1, { 'cleanup.policy': 'delete', 'retention.ms': WEEK }],
  ['atone.commands.dead', 1, { 'cleanup.policy': 'delete', 'retention.ms': WEEK }],
  ['atone.dead', -1, { 'cleanup.policy': 'delete', 'retention.ms': MONTH }],
  [
    'atone.replies.trips',
    3,
    { 'cleanup.policy': 'delete', 'retention.ms': WEEK, 'min.insync.replicas': '2' },
  ],
])('%s on %i brokers keeps what it should, unless something else is said', async (name, count, settings) => {
  const created: TopicSettings[] = [];
  const client = {
    brokers: ['kafka:9092'],
    partitionCounts: async () => new Map<string, number>(),
    createTopics: async (topics: readonly TopicSettings[]) => void created.push(...topics),
  };
  const spread = { partitionCount: 2, replicationFactor: count };
  const asked = { client, names: [name], purpose: 'A test' };

  await readyTopics({ ...asked, createTopics: spread });
  await readyTopics({ ...asked, createTopics: { ...spread, settings: { 'retention.ms': '1' } } });

  expect(created.map((topic) => topic.settings)).toEqual([settings, { ...settings, 'retention.ms': '1' }]);
});

test('what is missing and not created is told with the commands that create it', async () => {
  const client = {
    brokers: ['a:9092', 'b:9092'],
    partitionCounts: async () => new Map([['atone.dead', 1]]),
    createTopics: async () => undefined,
  };

  const asking = readyTopics({
    client,
    names: ['atone.commands.stock', 'atone.dead'],
    foreignNames: ['orders'],
    createTopics: undefined,
    purpose: 'A test needs topics',
  });

  await expect(asking).rejects.toMatchObject({
    name: 'MisuseError',
    message:
      'A test needs topics, and there is no topic atone.commands.stock, orders. Have it created by ' +
      '`createTopics: { partitionCount: 12, replicationFactor: -1 }`, or have an administrator run:\n' +
      'kafka-topics.sh --bootstrap-server a:9092,b:9092 --create --if-not-exists --topic atone.commands.stock --partitions 12 ' +
      `--config cleanup.policy=delete --config retention.ms=${WEEK}\n` +
      'kafka-topics.sh --bootstrap-server a:9092,b:9092 --create --if-not-exists --topic orders --partitions 12',
  });
});

test('a name that Kafka does not take is told before anybody is asked', async () => {
  const ask = jest.fn<() => Promise<Map<string, number>>>();
  const client = { brokers: ['a:9092'], partitionCounts: ask, createTopics: async () => undefined };

  const asking = readyTopics({
    client,
    names: ['atone.commands.my stock', 'atone.dead'],
    createTopics: { partitionCount: 1, replicationFactor: -1 },
    purpose: 'A test',
  });

  await expect(asking).rejects.toMatchObject({
    name: 'MisuseError',
    message: expect.stringContaining(
      "The topic 'atone.commands.my stock' would have a name that Kafka does not take",
    ),
  });
  expect(ask).not.toHaveBeenCalled();
});
