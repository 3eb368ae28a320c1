import { readFileSync } from 'node:fs';
import type { Way } from '@atone/engine';
import type { KafkaConnection } from '@atone/kafka';
import type { KafkaLibraryName } from '@atone/kafka/connect';
import type { z } from 'zod';
import { errorFacts } from './error.facts.js';
import type { KAFKA_VARIABLES } from './kafka.variables.js';
import { StartError } from './start.error.js';

/** How the coordinator talks to Kafka. */
export interface KafkaConfiguration {
  readonly connection: Omit<KafkaConnection, 'clientId'>;
  readonly library: KafkaLibraryName;
  readonly prefix: string;
  /** Whether topics that are missing are created; else they end the start. */
  readonly createsTopics: boolean;
  readonly partitionCount: number;
  /** -1 leaves it to the brokers. */
  readonly replicationFactor: number;
  /** By what a service is asked that can be reached both ways. */
  readonly preferred: Way;
}

type Values = z.output<z.ZodObject<typeof KAFKA_VARIABLES>>;
type Tls = KafkaConnection['tls'];

/** As the protocol of Kafka says it. */
const BROKERS_DECIDE = -1;

const PREFIX = 'ATONE_KAFKA_';

/**
 * Returns what the variables say of Kafka, or undefined when there is none. Reads the files that they name.
 *
 * @throws {StartError} naming what does not fit, never the value of a secret.
 */
export function readKafka(values: Values, givenNames: readonly string[]): KafkaConfiguration | undefined {
  const { ATONE_KAFKA_BROKERS: brokers } = values;
  if (brokers === undefined) {
    refuseWithoutBrokers(givenNames);
    return undefined;
  }
  return {
    connection: { brokers, tls: tlsOf(values), sasl: saslOf(values) },
    library: values.ATONE_KAFKA_CLIENT,
    prefix: values.ATONE_KAFKA_PREFIX,
    createsTopics: values.ATONE_KAFKA_CREATE_TOPICS,
    partitionCount: values.ATONE_KAFKA_PARTITIONS,
    replicationFactor: values.ATONE_KAFKA_REPLICATION ?? BROKERS_DECIDE,
    preferred: values.ATONE_PREFERRED_TRANSPORT,
  };
}

/** Who has configured half of Kafka would otherwise wonder why nothing goes there. */
function refuseWithoutBrokers(givenNames: readonly string[]): void {
  const lost = givenNames.filter((name) => name.startsWith(PREFIX));
  if (lost.length > 0) {
    throw new StartError(
      `${lost.join(', ')} says nothing without ATONE_KAFKA_BROKERS: set that as well, or none.`,
    );
  }
}

function tlsOf(values: Values): Tls {
  const files = {
    ca: 'ATONE_KAFKA_TLS_CA_FILE',
    cert: 'ATONE_KAFKA_TLS_CERT_FILE',
    key: 'ATONE_KAFKA_TLS_KEY_FILE',
  } as const;
  const given = Object.values(files).filter((name) => values[name] !== undefined);
  if (!values.ATONE_KAFKA_TLS) {
    if (given.length > 0) {
      throw new StartError(`${given.join(', ')} says nothing without ATONE_KAFKA_TLS=true.`);
    }
    return undefined;
  }
  if (given.includes(files.cert) !== given.includes(files.key)) {
    throw new StartError(`${files.cert} and ${files.key} belong together: set both, or none.`);
  }
  const read = Object.entries(files).flatMap(([part, name]) => {
    const path = values[name];
    return path === undefined ? [] : [[part, textOf(name, path)] as const];
  });
  return read.length === 0 ? true : Object.fromEntries(read);
}

function textOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new StartError(`${name} names a file that cannot be read: ${errorFacts(cause).message}.`, {
      cause,
    });
  }
}

function saslOf(values: Values): KafkaConnection['sasl'] {
  const {
    ATONE_KAFKA_SASL_MECHANISM: mechanism,
    ATONE_KAFKA_SASL_USERNAME: username,
    ATONE_KAFKA_SASL_PASSWORD: password,
  } = values;
  if (mechanism !== undefined && username !== undefined && password !== undefined) {
    return { mechanism, username, password };
  }
  const words = { MECHANISM: mechanism, USERNAME: username, PASSWORD: password };
  const missing = Object.entries(words).flatMap(([word, value]) =>
    value === undefined ? [`${PREFIX}SASL_${word}`] : [],
  );
  if (missing.length < Object.keys(words).length) {
    throw new StartError(
      `To log in to Kafka takes a mechanism, a username and a password: ${missing.join(' and ')} is missing.`,
    );
  }
  return undefined;
}
