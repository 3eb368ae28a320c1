import type { TopicSettings } from '@atone/kafka';
import { deadTopic, newTopic, repliesTopic, type TopicSpread } from '@atone/protocol';

/** Returns the topics that all coordinators share: of the replies, and of what nobody can read. */
export function coordinatorTopics(prefix: string, spread: TopicSpread): readonly TopicSettings[] {
  return [repliesTopic(prefix), deadTopic(prefix)].map((name) => newTopic(name, spread));
}
