import type { TopicSettings } from '@atone/kafka';
import { expect, test } from '@jest/globals';
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
    partitionCounts: async () => new Map<string, number>(),
    createTopics: async (topics: readonly TopicSettings[]) => void created.push(...topics),
  };
  const spread = { partitionCount: 2, replicationFactor: count };
  const asked = { client, names: [name], purpose: 'A test' };

  await readyTopics({ ...asked, createTopics: spread });
  await readyTopics({ ...asked, createTopics: { ...spread, settings: { 'retention.ms': '1' } } });

  expect(created.map((topic) => topic.settings)).toEqual([settings, { ...settings, 'retention.ms': '1' }]);
});
