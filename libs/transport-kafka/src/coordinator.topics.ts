import type { TopicSettings } from '@atone/kafka';
import { deadTopic, repliesTopic } from '@atone/protocol';

/** How topics are spread over partitions and brokers; `settings` go before what is set here. */
export type TopicSpread = Pick<TopicSettings, 'partitionCount' | 'replicationFactor' | 'settings'>;

const DAY_MS = 86_400_000;

/** As long as a signature is good: what is older would not be obeyed. */
const RECORD_DAYS = 7;

/** People look at dead letters, after a holiday perhaps. */
const DEAD_DAYS = 30;

/** From so many replicas on one may be missing without anything being refused, and two have whatever is acknowledged. */
const SAFE_REPLICA_COUNT = 3;

/** Returns the topics that all coordinators share: of the replies, and of what nobody can read. */
export function coordinatorTopics(prefix: string, spread: TopicSpread): readonly TopicSettings[] {
  return [
    topicKept(repliesTopic(prefix), RECORD_DAYS, spread),
    topicKept(deadTopic(prefix), DEAD_DAYS, spread),
  ];
}

function topicKept(name: string, days: number, { settings, ...spread }: TopicSpread): TopicSettings {
  const isSafe = spread.replicationFactor >= SAFE_REPLICA_COUNT;
  return {
    name,
    ...spread,
    settings: {
      'cleanup.policy': 'delete',
      'retention.ms': String(days * DAY_MS),
      ...(isSafe ? { 'min.insync.replicas': '2' } : {}),
      ...settings,
    },
  };
}
