import { readFileSync } from 'node:fs';
import { KafkaError } from '../kafka.error.js';
import type { KafkaConnection } from '../kafka.port.js';
import { unknownVariable } from './variable.names.js';
import { brokersOf, flag, oneOf, prefixOf, wholeNumber, type Read } from './variable.rules.js';

/** The variables by which programs are told of Kafka. One that is empty counts as unset. */
export const KAFKA_VARIABLES = [
  'ATONE_KAFKA_BROKERS',
  'ATONE_KAFKA_CLIENT',
  'ATONE_KAFKA_PREFIX',
  'ATONE_KAFKA_TLS',
  'ATONE_KAFKA_TLS_CA_FILE',
  'ATONE_KAFKA_TLS_CERT_FILE',
  'ATONE_KAFKA_TLS_KEY_FILE',
  'ATONE_KAFKA_SASL_MECHANISM',
  'ATONE_KAFKA_SASL_USERNAME',
  'ATONE_KAFKA_SASL_PASSWORD',
  'ATONE_KAFKA_PARTITIONS',
  'ATONE_KAFKA_REPLICATION',
] as const;

/** Of the coordinator alone. Who shares its environment leaves it alone. */
const OF_COORDINATOR = 'ATONE_KAFKA_CREATE_TOPICS';

type KafkaVariable = (typeof KAFKA_VARIABLES)[number];

export type KafkaVariables = Readonly<Partial<Record<KafkaVariable, string | undefined>>>;

/** What the variables say of Kafka. */
export interface KafkaEnvironment {
  /** To be completed by a `clientId`. */
  readonly connection: Omit<KafkaConnection, 'clientId'>;
  readonly library: (typeof LIBRARY_NAMES)[number];
  readonly prefix: string;
  /** Of topics that have to be created. */
  readonly partitionCount: number;
  /** -1 leaves it to the brokers. */
  readonly replicationFactor: number;
}

/** A variable about Kafka does not fit. Its message names it, and never a password. */
export class KafkaVariableError extends KafkaError {
  override readonly name = 'KafkaVariableError';
  readonly code = 'KAFKA_VARIABLE';
  readonly retryable = false;
}

/** As the libraries are named that Atone can work with. */
export const LIBRARY_NAMES = ['kafkajs', 'platformatic'] as const;

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const PARTITION_COUNT = 12;

/** As the protocol of Kafka says it. */
const BROKERS_DECIDE = -1;

/**
 * Returns what the variables say of Kafka, or undefined where they name no brokers. Reads the files that they name.
 *
 * @throws {KafkaVariableError} naming what does not fit
 */
export function kafkaFromEnvironment(variables: KafkaVariables): KafkaEnvironment | undefined {
  refuseUnknown(variables);
  const given = givenOf(variables);
  const brokers = given.ATONE_KAFKA_BROKERS;
  if (brokers === undefined) {
    refuseWithoutBrokers(variables);
    return undefined;
  }
  const { ATONE_KAFKA_PREFIX: prefix = 'atone', ATONE_KAFKA_REPLICATION: copies } = given;
  return {
    connection: {
      brokers: checked('ATONE_KAFKA_BROKERS', brokersOf(brokers)),
      tls: tlsOf(given),
      sasl: saslOf(given),
    },
    library: checked('ATONE_KAFKA_CLIENT', oneOf(LIBRARY_NAMES, given.ATONE_KAFKA_CLIENT ?? 'kafkajs')),
    prefix: checked('ATONE_KAFKA_PREFIX', prefixOf(prefix)),
    partitionCount: checked(
      'ATONE_KAFKA_PARTITIONS',
      wholeNumber(given.ATONE_KAFKA_PARTITIONS ?? String(PARTITION_COUNT), 10_000),
    ),
    replicationFactor:
      copies === undefined ? BROKERS_DECIDE : checked('ATONE_KAFKA_REPLICATION', wholeNumber(copies, 100)),
  };
}

function givenOf(variables: KafkaVariables): KafkaVariables {
  return Object.fromEntries(
    KAFKA_VARIABLES.flatMap((name) => (variables[name] ? [[name, variables[name]]] : [])),
  );
}

/** A prefix whose variable is misspelt would be another one, and nobody would hear of it. */
function refuseUnknown(variables: KafkaVariables): void {
  const names: readonly string[] = KAFKA_VARIABLES;
  const unknown = aboutKafka(variables).find((name) => !names.includes(name) && name !== OF_COORDINATOR);
  if (unknown !== undefined) {
    throw new KafkaVariableError(unknownVariable(unknown, KAFKA_VARIABLES));
  }
}

function aboutKafka(variables: KafkaVariables): readonly string[] {
  return Object.entries(variables).flatMap(([name, value]) =>
    name.startsWith('ATONE_KAFKA_') && value ? [name] : [],
  );
}

/** Who has configured half of Kafka would otherwise wonder why nothing goes there. */
function refuseWithoutBrokers(variables: KafkaVariables): void {
  const lost = aboutKafka(variables);
  if (lost.length > 0) {
    throw new KafkaVariableError(
      `${lost.join(', ')} says nothing without ATONE_KAFKA_BROKERS: set that as well, or none.`,
    );
  }
}

function tlsOf(given: KafkaVariables): KafkaConnection['tls'] {
  const files = {
    ca: 'ATONE_KAFKA_TLS_CA_FILE',
    cert: 'ATONE_KAFKA_TLS_CERT_FILE',
    key: 'ATONE_KAFKA_TLS_KEY_FILE',
  } as const;
  const named = Object.values(files).filter((name) => given[name] !== undefined);
  if (!checked('ATONE_KAFKA_TLS', flag(given.ATONE_KAFKA_TLS ?? 'false'))) {
    if (named.length > 0) {
      throw new KafkaVariableError(`${named.join(', ')} says nothing without ATONE_KAFKA_TLS=true.`);
    }
    return undefined;
  }
  if (named.includes(files.cert) !== named.includes(files.key)) {
    throw new KafkaVariableError(`${files.cert} and ${files.key} belong together: set both, or none.`);
  }
  const read = Object.entries(files).flatMap(([part, name]) => {
    const path = given[name];
    return path === undefined ? [] : [[part, textOf(name, path)] as const];
  });
  return read.length === 0 ? true : Object.fromEntries(read);
}

function textOf(name: KafkaVariable, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const words = String((cause as { readonly message?: unknown }).message);
    throw new KafkaVariableError(`${name} names a file that cannot be read: ${words}.`, { cause });
  }
}

function saslOf(given: KafkaVariables): KafkaConnection['sasl'] {
  const {
    ATONE_KAFKA_SASL_MECHANISM: mechanism,
    ATONE_KAFKA_SASL_USERNAME: username,
    ATONE_KAFKA_SASL_PASSWORD: password,
  } = given;
  const words = { MECHANISM: mechanism, USERNAME: username, PASSWORD: password };
  const missing = Object.entries(words).flatMap(([word, value]) =>
    value === undefined ? [`ATONE_KAFKA_SASL_${word}`] : [],
  );
  if (mechanism !== undefined && username !== undefined && password !== undefined) {
    const known = checked('ATONE_KAFKA_SASL_MECHANISM', oneOf(SASL_MECHANISMS, mechanism));
    return { mechanism: known, username, password };
  }
  if (missing.length < Object.keys(words).length) {
    throw new KafkaVariableError(
      `To log in to Kafka takes a mechanism, a username and a password: ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing.`,
    );
  }
  return undefined;
}

/** @throws {KafkaVariableError} with the rule that was broken */
function checked<Value>(name: KafkaVariable, read: Read<Value>): Value {
  if ('rule' in read) {
    throw new KafkaVariableError(`${name} ${read.rule}.`);
  }
  return read.value;
}
