import type { KafkaClient, TopicSettings } from '@atone/kafka';
import { TOPIC_LENGTH_MAX, topicSettings } from '@atone/protocol';
import { MisuseError } from '../participant.error.js';

export type NewTopics = Pick<TopicSettings, 'partitionCount' | 'replicationFactor' | 'settings'>;

export interface ReadyTopicsOptions {
  readonly client: Pick<KafkaClient, 'partitionCounts' | 'createTopics'>;
  readonly names: readonly string[];
  /** How missing ones are created. Default: that is an error. */
  readonly createTopics: NewTopics | undefined;
  /** What they are for: the beginning of a sentence for people. */
  readonly purpose: string;
}

/** @throws MisuseError for a topic that cannot be, or is missing. @throws {KafkaTopicError} @throws {KafkaUnreachableError} */
export async function readyTopics({
  client,
  names,
  createTopics,
  purpose,
}: ReadyTopicsOptions): Promise<void> {
  const tooLong = names.find(({ length }) => length > TOPIC_LENGTH_MAX);
  if (tooLong !== undefined) {
    throw new MisuseError(
      `The topic '${tooLong}' would have a longer name than Kafka takes (${TOPIC_LENGTH_MAX}). Shorten the name of the service or its lane.`,
    );
  }
  const known = await client.partitionCounts(names);
  const missing = names.filter((name) => !known.has(name));
  if (missing.length === 0) {
    return;
  }
  if (createTopics === undefined) {
    throw new MisuseError(
      `${purpose}, and there is no topic ${missing.join(', ')}. Create it, ` +
        'or have it created: `createTopics: { partitionCount: 12, replicationFactor: 3 }`.',
    );
  }
  const { partitionCount, replicationFactor, settings } = createTopics;
  const topics = missing.map((name) => ({
    name,
    partitionCount,
    replicationFactor,
    settings: { ...topicSettings(name, replicationFactor), ...settings },
  }));
  await client.createTopics(topics);
}
