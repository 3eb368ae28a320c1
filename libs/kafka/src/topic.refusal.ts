/**
 * Returns what is said to people about topics that the brokers did not create: what an administrator has to run, or what to change,
 * where that would be refused to anybody.
 */
export function topicRefusal(
  topics: readonly string[],
  commands: readonly string[],
  reason?: string,
): string {
  const names = topics.join(', ');
  const words = reason === undefined ? '' : ` (${reason})`;
  if (reason === 'INVALID_TOPIC_EXCEPTION') {
    return `Kafka takes no topic of the name ${names}${words}: names consist of up to 249 letters, digits, dots, hyphens and underscores. Choose another one.`;
  }
  if (reason === 'INVALID_REPLICATION_FACTOR') {
    return (
      `Kafka has too few brokers for the copies of ${names}${words}. Start more of them, or ask for fewer copies ` +
      '(`replicationFactor`, ATONE_KAFKA_REPLICATION): -1, or no such variable, leaves it to the brokers.'
    );
  }
  return `Kafka does not let us create ${names}${words}. An administrator has to run:\n${commands.join('\n')}`;
}
