import type { TopicSettings } from './kafka.port.js';

/** Returns what an administrator has to run to create these topics, one line for each. What the brokers decide is left out. */
export function topicCommands(
  brokers: readonly string[],
  topics: readonly TopicSettings[],
): readonly string[] {
  return topics.map(({ name, partitionCount, replicationFactor, settings = {} }) =>
    [
      `kafka-topics.sh --bootstrap-server ${brokers.join(',')} --create --if-not-exists --topic ${name}`,
      `--partitions ${partitionCount}`,
      ...(replicationFactor > 0 ? [`--replication-factor ${replicationFactor}`] : []),
      ...Object.entries(settings).map(([setting, value]) => `--config ${setting}=${value}`),
    ].join(' '),
  );
}
