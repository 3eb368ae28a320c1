import { topicCommands, type KafkaClient, type TopicSettings } from '@atone/kafka';
import { newTopic, TOPIC_LENGTH_MAX, type TopicSpread } from '@atone/protocol';
import { MisuseError } from '../participant.error.js';

/** How missing topics are created. */
export type NewTopics = TopicSpread;

export interface ReadyTopicsOptions {
  readonly client: Pick<KafkaClient, 'brokers' | 'partitionCounts' | 'createTopics'>;
  /** Of Atone's own topics. */
  readonly names: readonly string[];
  /** Of topics that are somebody else's, and keep records as the brokers say. Default: none. */
  readonly foreignNames?: readonly string[] | undefined;
  /** How missing ones are created. Default: that is an error. */
  readonly createTopics: NewTopics | undefined;
  /** What they are for: the beginning of a sentence for people. */
  readonly purpose: string;
}

/** What people are told to run where nothing else is said; how many copies there are is left to the brokers. */
const USUAL_SPREAD: TopicSpread = { partitionCount: 12, replicationFactor: -1 };

/**
 * Has a service's topics be there.
 *
 * @throws MisuseError for a topic that cannot be, or is missing, with the commands that create it.
 * @throws {KafkaTopicError} @throws {KafkaUnreachableError}
 */
export async function readyTopics(options: ReadyTopicsOptions): Promise<void> {
  const { client, names, foreignNames = [], createTopics } = options;
  const all = [...names, ...foreignNames];
  const tooLong = all.find(({ length }) => length > TOPIC_LENGTH_MAX);
  if (tooLong !== undefined) {
    throw new MisuseError(
      `The topic '${tooLong}' would have a longer name than Kafka takes (${TOPIC_LENGTH_MAX}). Shorten the name of the service or its lane.`,
    );
  }
  const impossible = all.find((name) => !/^[A-Za-z0-9._-]+$/u.test(name));
  if (impossible !== undefined) {
    throw new MisuseError(
      `The topic '${impossible}' would have a name that Kafka does not take: letters, digits, dots, hyphens and underscores are all there may be. Change what it is made of.`,
    );
  }
  const known = await client.partitionCounts(all);
  const missing = all.filter((name) => !known.has(name));
  const topicsOf = (spread: TopicSpread): readonly TopicSettings[] =>
    missing.map((name) => (foreignNames.includes(name) ? { name, ...spread } : newTopic(name, spread)));
  if (missing.length > 0 && createTopics === undefined) {
    throw new MisuseError(missingMessage(options, topicsOf(USUAL_SPREAD)));
  }
  if (missing.length > 0 && createTopics !== undefined) {
    await client.createTopics(topicsOf(createTopics));
  }
}

function missingMessage({ client, purpose }: ReadyTopicsOptions, topics: readonly TopicSettings[]): string {
  const names = topics.map(({ name }) => name).join(', ');
  const commands = topicCommands(client.brokers, topics).join('\n');
  return (
    `${purpose}, and there is no topic ${names}. Have it created by ` +
    '`createTopics: { partitionCount: 12, replicationFactor: -1 }`, ' +
    `or have an administrator run:\n${commands}`
  );
}
