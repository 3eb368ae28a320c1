import { setTimeout as delay } from 'node:timers/promises';
import { startKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import {
  connectKafka,
  KAFKA_VARIABLES,
  kafkaFromEnvironment,
  type KafkaVariables,
} from '@atone/kafka/connect';
import { ServerKeeper } from './server.keeper.js';
import { isAlive } from './system-error.js';
import type { Terminal } from './terminal.js';

/** The brokers over which commands go. */
export interface Brokers {
  /** As in "Apache Kafka 4.1.2 on port 23456, its data in …". */
  readonly description: string;
  /** What coordinators and services are told of them. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Of each topic: enough for as many instances as there may be, and soon created. */
const PARTITION_COUNT = 4;

/**
 * Starts a broker of our own, whose data outlive it, and brings it back should it die.
 *
 * @throws {EmbeddedKafkaError} where there is no Java, or it cannot be fetched or started.
 */
export async function startEmbeddedBrokers(
  folder: string,
  variables: KafkaVariables,
  terminal: Terminal,
): Promise<Brokers> {
  // It asks nobody who he is, and speaks no TLS.
  const { ATONE_KAFKA_CLIENT, ATONE_KAFKA_PREFIX } = variables;
  const known = { ATONE_KAFKA_CLIENT, ATONE_KAFKA_PREFIX };
  // Said here once, and not by each program in its log.
  kafkaFromEnvironment({ ...known, ATONE_KAFKA_BROKERS: '127.0.0.1:0' });
  const kafka = await startKafka({
    dataDir: folder,
    // Who asks for a topic before it is there must not get one of other settings.
    settings: { 'auto.create.topics.enable': 'false' },
    log: (line) => terminal.say(line),
  });
  const keeper = new ServerKeeper(kafka, {
    name: 'Apache Kafka',
    isAlive,
    restart: again,
    // A pause that is cut short is over, not failed.
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    warn: (line) => terminal.warn(line),
  });
  const environment = environmentOf(kafka.brokers, known);
  return {
    description: `Apache Kafka ${kafka.version} at ${kafka.brokers.join(',')}, its data in ${folder}`,
    environment: { ...environment, ATONE_KAFKA_PARTITIONS: String(PARTITION_COUNT) },
    stop: () => keeper.stop(),
  };
}

async function again(kafka: EmbeddedKafka): Promise<EmbeddedKafka> {
  await kafka.restart();
  return kafka;
}

/**
 * Uses brokers that run already.
 *
 * @throws {KafkaError} when they do not answer, or do not let us in, or for variables that do not fit.
 */
export async function useBrokers(brokers: readonly string[], variables: KafkaVariables): Promise<Brokers> {
  const environment = environmentOf(brokers, variables);
  const { connection = { brokers }, library } = kafkaFromEnvironment(environment) ?? {};
  const client = await connectKafka({ ...connection, clientId: 'quickstart' }, library);
  try {
    // Else the coordinator would say in its log, again and again, what can be said here once.
    await client.partitionCounts([]);
  } finally {
    await client.close();
  }
  return {
    description: `Apache Kafka at ${brokers.join(',')}`,
    environment,
    stop: () => Promise.resolve(),
  };
}

/** Returns what coordinators and services are told of brokers; how they are reached as `npm start` was told. */
function environmentOf(brokers: readonly string[], variables: KafkaVariables): Record<string, string> {
  const given = KAFKA_VARIABLES.flatMap((name) => {
    const value = variables[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(given), ATONE_KAFKA_BROKERS: brokers.join(',') };
}
