import { setTimeout as delay } from 'node:timers/promises';
import {
  PortInUseError,
  startKafka,
  type EmbeddedKafka,
  type StartKafkaOptions,
} from '@atone/embedded-kafka';
import {
  connectKafka,
  KAFKA_VARIABLES,
  kafkaFromEnvironment,
  type KafkaVariables,
} from '@atone/kafka/connect';
import type { DataFolder } from './data-folder.js';
import { ownPrefix } from './kafka.prefix.js';
import { KeptWord } from './kept.word.js';
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
  folder: Pick<DataFolder, 'kafka' | 'kafkaPort'>,
  variables: KafkaVariables,
  terminal: Terminal,
): Promise<Brokers> {
  // It asks nobody who he is, and speaks no TLS.
  const { ATONE_KAFKA_CLIENT, ATONE_KAFKA_PREFIX } = variables;
  const known = { ATONE_KAFKA_CLIENT, ATONE_KAFKA_PREFIX };
  // Said here once, and not by each program in its log.
  kafkaFromEnvironment({ ...unknownOf(variables), ...known, ATONE_KAFKA_BROKERS: '127.0.0.1:0' });
  const options = {
    dataDir: folder.kafka,
    // Who asks for a topic before it is there must not get one of other settings.
    settings: { 'auto.create.topics.enable': 'false' },
    log: (line: string) => terminal.say(line),
  };
  const kafka = await startAtKeptPort(options, new KeptWord(folder.kafkaPort));
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
    description: `Apache Kafka ${kafka.version} at ${kafka.brokers.join(',')}, its data in ${folder.kafka}`,
    environment: { ...environment, ATONE_KAFKA_PARTITIONS: String(PARTITION_COUNT) },
    stop: () => keeper.stop(),
  };
}

/** Services of users go on where they were when it comes back. Where somebody else has the port, it takes another one. */
async function startAtKeptPort(options: StartKafkaOptions, kept: KeptWord): Promise<EmbeddedKafka> {
  const port = await kept.read(/^\d{4,5}$/u);
  const atKept = port === undefined ? options : { ...options, port: Number(port) };
  const kafka = await startKafka(atKept).catch(async (error: unknown) => {
    if (error instanceof PortInUseError) {
      return startKafka(options);
    }
    throw error;
  });
  const [place = ''] = kafka.brokers;
  await kept.keep(place.split(':').at(-1) ?? '');
  return kafka;
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
export async function useBrokers(
  brokers: readonly string[],
  variables: KafkaVariables,
  folder: Pick<DataFolder, 'kafkaPrefix'>,
): Promise<Brokers> {
  const environment = environmentOf(brokers, variables);
  const { connection = { brokers }, library } =
    kafkaFromEnvironment({ ...unknownOf(variables), ...environment }) ?? {};
  const client = await connectKafka({ ...connection, clientId: 'quickstart' }, library);
  try {
    // Else the coordinator would say in its log, again and again, what can be said here once.
    await client.partitionCounts([]);
  } finally {
    await client.close();
  }
  const { ATONE_KAFKA_PREFIX: given } = environment;
  const prefix = await ownPrefix(given, new KeptWord(folder.kafkaPrefix));
  return {
    description: `Apache Kafka at ${brokers.join(',')}, with topics that begin with '${prefix}'`,
    environment: { ...environment, ATONE_KAFKA_PREFIX: prefix },
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

/** Returns those that no program reads, for which the start is refused. */
function unknownOf(variables: KafkaVariables): object {
  const names: readonly string[] = KAFKA_VARIABLES;
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.includes(name)));
}
