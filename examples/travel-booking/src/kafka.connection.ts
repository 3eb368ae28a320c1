import type { KafkaClient } from '@atone/kafka';
import { connectKafka } from '@atone/kafka/connect';
import { kafkaCommands } from '@atone/participant/kafka';
import type { Environment } from './environment.js';

/** Returns a client of the brokers that the environment names; undefined where it names none. */
export async function openKafka(
  { ATONE_KAFKA_BROKERS: brokers, ATONE_KAFKA_CLIENT: library }: Environment,
  clientId: string,
): Promise<KafkaClient | undefined> {
  return brokers && connectKafka({ brokers, clientId }, library);
}

/** Returns the option `kafka` of a service: commands come and calls go by this client. */
export function commandsBy(client: KafkaClient, environment: Environment): ReturnType<typeof kafkaCommands> {
  const { ATONE_KAFKA_PREFIX: prefix, ATONE_KAFKA_PARTITIONS: partitionCount = 12 } = environment;
  // -1: as many copies of a topic as the brokers make of any.
  return kafkaCommands({ client, prefix, createTopics: { partitionCount, replicationFactor: -1 } });
}
