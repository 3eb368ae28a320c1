import type { KafkaClient } from '@atone/kafka';
import { connectKafka } from '@atone/kafka/connect';
import { kafkaCommands } from '@atone/participant/kafka';
import type { Environment } from './environment.js';

/** Returns a client of the brokers that the environment names; undefined where it names none. */
export async function openKafka({ kafka }: Environment, clientId: string): Promise<KafkaClient | undefined> {
  return kafka && connectKafka({ ...kafka.connection, clientId }, kafka.library);
}

/** Returns the option `kafka` of a service: commands come and calls go by this client. */
export function commandsBy(client: KafkaClient, { kafka }: Environment): ReturnType<typeof kafkaCommands> {
  return kafkaCommands({ client, prefix: kafka?.prefix, createTopics: kafka });
}
