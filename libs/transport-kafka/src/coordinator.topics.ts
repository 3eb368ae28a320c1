import type { TopicSettings } from '@atone/kafka';
import { deadTopic, repliesTopic, topicSettings } from '@atone/protocol';

/** How topics are spread over partitions and brokers; `settings` go before what is set here. */
export type TopicSpread = Pick<TopicSettings, 'partitionCount' | 'replicationFactor' | 'settings'>;

/** Returns the topics that all coordinators share: of the replies, and of what nobody can read. */
export function coordinatorTopics(prefix: string, spread: TopicSpread): readonly TopicSettings[] {
  const { partitionCount, replicationFactor, settings } = spread;
  return [repliesTopic(prefix), deadTopic(prefix)].map((name) => ({
    name,
    partitionCount,
    replicationFactor,
    settings: { ...topicSettings(name, replicationFactor), ...settings },
  }));
}
