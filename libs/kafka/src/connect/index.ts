import { LIBRARY_NAMES } from './environment.js';
import type { KafkaClient, KafkaConnection } from '../kafka.port.js';

export {
  KAFKA_VARIABLES,
  kafkaFromEnvironment,
  KafkaVariableError,
  type KafkaEnvironment,
  type KafkaVariables,
} from './environment.js';
export { brokersOf } from './variable.rules.js';

/** The client libraries that Atone can work with. */
export const KAFKA_LIBRARIES = LIBRARY_NAMES;
export type KafkaLibraryName = (typeof KAFKA_LIBRARIES)[number];

/** Returns a client over the library of this name, which is loaded only then. Connects when it is first used. */
export async function connectKafka(
  connection: KafkaConnection,
  library: KafkaLibraryName = 'kafkajs',
): Promise<KafkaClient> {
  switch (library) {
    case 'kafkajs': {
      const { kafkajsClient } = await import('../kafkajs/index.js');
      return kafkajsClient(connection);
    }
    case 'platformatic': {
      const { platformaticClient } = await import('../platformatic/index.js');
      return platformaticClient(connection);
    }
  }
}
