import type { TopicSettings } from './kafka.port.js';

/** Returns what an administrator has to run for a topic to have more partitions. */
export function partitionsCommand(brokers: readonly string[], topic: string, partitionCount: number): string {
  return `kafka-topics.sh --bootstrap-server ${brokers.join(',')} --alter --topic ${topic} --partitions ${partitionCount}`;
}

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
