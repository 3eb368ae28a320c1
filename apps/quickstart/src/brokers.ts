import { setTimeout as delay } from 'node:timers/promises';
import { startKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { connectKafka, KAFKA_LIBRARIES, type KafkaLibraryName } from '@atone/kafka/connect';
import { QuickstartError } from './quickstart.error.js';
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

/** What `npm start` was told of Kafka by variables. */
export type KafkaVariables = Readonly<
  Record<'ATONE_KAFKA_CLIENT' | 'ATONE_KAFKA_PREFIX', string | undefined>
>;

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
  const environment = environmentOf(kafka.brokers, variables);
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
 * @throws {KafkaError} when they do not answer. @throws QuickstartError for a client that there is not.
 */
export async function useBrokers(brokers: readonly string[], variables: KafkaVariables): Promise<Brokers> {
  const library = libraryOf(variables);
  const client = await connectKafka({ brokers, clientId: 'quickstart' }, library);
  try {
    // Else the coordinator would say in its log, again and again, what can be said here once.
    await client.partitionCounts([]);
  } finally {
    await client.close();
  }
  return {
    description: `Apache Kafka at ${brokers.join(',')}`,
    environment: environmentOf(brokers, variables),
    stop: () => Promise.resolve(),
  };
}

function libraryOf({ ATONE_KAFKA_CLIENT: name }: KafkaVariables): KafkaLibraryName | undefined {
  const library = KAFKA_LIBRARIES.find((one) => one === name);
  if (name !== undefined && library === undefined) {
    throw new QuickstartError(
      `There is no Kafka client '${name}': set ATONE_KAFKA_CLIENT to one of ${KAFKA_LIBRARIES.join(', ')}.`,
    );
  }
  return library;
}

function environmentOf(brokers: readonly string[], variables: KafkaVariables): Record<string, string> {
  const given = Object.entries(variables).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return { ATONE_KAFKA_BROKERS: brokers.join(','), ...Object.fromEntries(given) };
}
