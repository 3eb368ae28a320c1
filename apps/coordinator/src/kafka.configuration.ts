import type { Way } from '@atone/engine';
import { kafkaFromEnvironment, type KafkaEnvironment, type KafkaVariables } from '@atone/kafka/connect';
import type { z } from 'zod';
import { errorFacts } from './error.facts.js';
import type { KAFKA_VARIABLES } from './kafka.variables.js';
import { StartError } from './start.error.js';

/** How the coordinator talks to Kafka. */
export interface KafkaConfiguration extends KafkaEnvironment {
  /** Whether topics that are missing are created; else they end the start. */
  readonly createsTopics: boolean;
  /** By what a service is asked that can be reached both ways. */
  readonly preferred: Way;
}

type Values = z.output<z.ZodObject<typeof KAFKA_VARIABLES>>;

/**
 * Returns what the variables say of Kafka, or undefined when there is none. Reads the files that they name.
 *
 * @throws {StartError} naming what does not fit, never the value of a secret.
 */
export function readKafka(values: Values, given: KafkaVariables): KafkaConfiguration | undefined {
  const read = readEnvironment(given);
  return (
    read && {
      ...read,
      createsTopics: values.ATONE_KAFKA_CREATE_TOPICS,
      preferred: values.ATONE_PREFERRED_TRANSPORT,
    }
  );
}

function readEnvironment(given: KafkaVariables): KafkaEnvironment | undefined {
  try {
    return kafkaFromEnvironment(given);
  } catch (cause) {
    throw new StartError(errorFacts(cause).message, { cause });
  }
}
