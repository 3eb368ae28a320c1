import type { CatalogueStore, TransactionLog } from '@atone/engine';

/** Names of the ports among the providers, so that a test can put another implementation in their place. */
export const CONFIGURATION = Symbol('atone.configuration');
export const INSTANCE_ID = Symbol('atone.instance-id');
export const LOGGER = Symbol('atone.logger');
export const CLOCK = Symbol('atone.clock');
export const RANDOM = Symbol('atone.random');
export const STORE = Symbol('atone.store');
export const LOG = Symbol('atone.log');
export const CATALOGUE_STORE = Symbol('atone.catalogue-store');
export const TRANSPORT = Symbol('atone.transport');
/** A `KafkaClient`; undefined where no brokers are configured. */
export const KAFKA_CLIENT = Symbol('atone.kafka-client');
/** The `KafkaTransport`, with its counts and the partitions that it reads; undefined where no brokers are configured. */
export const KAFKA_TRANSPORT = Symbol('atone.kafka-transport');

/** What keeps the log and the catalogue, and needs looking after. */
export interface Store {
  readonly log: TransactionLog;
  readonly catalogue: CatalogueStore;
  /** By what the log is told from others at the same brokers of Kafka. */
  readonly logId: string;
  /** Makes room for the days ahead. To be called every hour or so. */
  ensurePartitions(): Promise<void>;
  /** Removes what nobody will ask for any more. To be called every hour or so. */
  cleanUp(): Promise<void>;
  close(): Promise<void>;
}
