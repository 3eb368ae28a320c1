import { KafkaError } from '../kafka.error.js';
import { brokersOf } from './variable.rules.js';

/** What was given as a broker is no place to connect to. */
export class KafkaBrokersError extends KafkaError {
  override readonly name = 'KafkaBrokersError';
  readonly code = 'KAFKA_BROKERS';
  readonly retryable = false;

  constructor(broker: string | undefined) {
    const given = broker === undefined ? 'there is none' : `'${broker}' is none`;
    super(`A client of Kafka needs brokers, each of them as host:port, and ${given}.`);
  }
}

/** @throws {KafkaBrokersError} for the first that is no `host:port`, or where there is none. */
export function checkBrokers(brokers: readonly string[]): void {
  const wrong = brokers.find((broker) => !isPlace(broker));
  if (wrong !== undefined || brokers.length === 0) {
    throw new KafkaBrokersError(wrong);
  }
}

/** Nothing is trimmed here: the client's library gets it as it is. */
function isPlace(broker: string): boolean {
  const read = brokersOf(broker);
  return 'value' in read && read.value.length === 1 && read.value[0] === broker;
}
