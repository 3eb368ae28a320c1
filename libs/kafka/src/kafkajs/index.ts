import type { KafkaClient, KafkaConnection } from '../kafka.port.js';
import { LibraryClient } from '../library.client.js';
import { KafkajsLibrary } from './kafkajs.library.js';

/** Reaches Kafka through kafkajs. Connects when it is first used. */
export function kafkajsClient(connection: KafkaConnection): KafkaClient {
  return new LibraryClient(new KafkajsLibrary(connection), connection.brokers);
}
