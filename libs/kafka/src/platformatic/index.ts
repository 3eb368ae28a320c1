import type { KafkaClient, KafkaConnection } from '../kafka.port.js';
import { LibraryClient } from '../library.client.js';
import { PlatformaticLibrary } from './platformatic.library.js';

/** Reaches Kafka through `@platformatic/kafka`. Connects when it is first used. */
export function platformaticClient(connection: KafkaConnection): KafkaClient {
  return new LibraryClient(new PlatformaticLibrary(connection), connection.brokers);
}
