import { LIBRARY_NAMES } from './environment.js';
import type { KafkaClient, KafkaConnection } from '../kafka.port.js';
import { checkBrokers } from './brokers.error.js';
import { KafkaLibraryError, whenInstalled } from './library.error.js';

export {
  KAFKA_VARIABLES,
  kafkaFromEnvironment,
  KafkaVariableError,
  type KafkaEnvironment,
  type KafkaVariables,
} from './environment.js';
export { KafkaBrokersError } from './brokers.error.js';
export { KafkaLibraryError } from './library.error.js';
export { brokersOf, prefixOf } from './variable.rules.js';

/** The client libraries that Atone can work with. */
export const KAFKA_LIBRARIES = LIBRARY_NAMES;
export type KafkaLibraryName = (typeof KAFKA_LIBRARIES)[number];

/**
 * Returns a client over the library of this name, which is loaded only then. Connects when it is first used.
 *
 * @throws {KafkaLibraryError} when it is not installed, or there is none of that name
 * @throws {KafkaBrokersError} for brokers that are no `host:port`
 */
export async function connectKafka(
  connection: KafkaConnection,
  library: KafkaLibraryName = 'kafkajs',
): Promise<KafkaClient> {
  switch (library) {
    case 'kafkajs': {
      checkBrokers(connection.brokers);
      const { kafkajsClient } = await whenInstalled('kafkajs', import('../kafkajs/index.js'));
      return kafkajsClient(connection);
    }
    case 'platformatic': {
      checkBrokers(connection.brokers);
      const { platformaticClient } = await whenInstalled(
        '@platformatic/kafka',
        import('../platformatic/index.js'),
      );
      return platformaticClient(connection);
    }
  }
  // The types allow no other one, and not all code is compiled.
  const names = KAFKA_LIBRARIES.join(', ');
  throw new KafkaLibraryError(`There is no Kafka client '${String(library)}': choose one of ${names}.`);
}
