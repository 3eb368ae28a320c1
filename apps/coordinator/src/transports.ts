import type { Random } from '@atone/core';
import {
  Catalogue,
  RoutedTransport,
  type BranchTransport,
  type Clock,
  type TransactionLog,
} from '@atone/engine';
import type { KafkaClient } from '@atone/kafka';
import { connectKafka } from '@atone/kafka/connect';
import { HttpTransport } from '@atone/transport-http';
import { KafkaTransport } from '@atone/transport-kafka';
import type { Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Configuration } from './configuration.js';
import { MeteredTransport } from './metrics/metered.transport.js';
import { Meters } from './metrics/meters.js';
import { KafkaLink } from './kafka.link.js';
import { OwnFacts } from './own.facts.js';
import { ownerPartitions } from './owner.partitions.js';
import {
  CLOCK,
  CONFIGURATION,
  INSTANCE_ID,
  KAFKA_CLIENT,
  KAFKA_TRANSPORT,
  LOG,
  LOGGER,
  RANDOM,
  TRANSPORT,
} from './tokens.js';

type LinkParts = [KafkaTransport | undefined, KafkaClient | undefined, Configuration, Clock, Logger];

/** Less than the coordinator has for its stop: the lease is ended after that. */
const KAFKA_DRAIN_MS = 3_000;

/** How participants are reached: over HTTP, and over Kafka where there are brokers. */
export const TRANSPORTS: readonly Provider[] = [
  OwnFacts,
  { provide: KAFKA_CLIENT, useFactory: openClient, inject: [CONFIGURATION, INSTANCE_ID] },
  {
    provide: KAFKA_TRANSPORT,
    useFactory: openKafka,
    inject: [KAFKA_CLIENT, Catalogue, CLOCK, CONFIGURATION, LOGGER, INSTANCE_ID, LOG, OwnFacts],
  },
  {
    provide: TRANSPORT,
    useFactory: openTransport,
    inject: [KAFKA_TRANSPORT, Catalogue, CLOCK, RANDOM, CONFIGURATION, LOGGER, Meters],
  },
  {
    provide: KafkaLink,
    useFactory: (...[transport, client, configuration, clock, logger]: LinkParts) =>
      new KafkaLink({ transport, client, configuration, clock, logger }),
    inject: [KAFKA_TRANSPORT, KAFKA_CLIENT, CONFIGURATION, CLOCK, LOGGER],
  },
];

async function openClient({ kafka }: Configuration, instanceId: string): Promise<KafkaClient | undefined> {
  if (kafka === undefined) {
    return undefined;
  }
  const clientId = `${kafka.prefix}-coordinator-${instanceId}`;
  return connectKafka({ ...kafka.connection, clientId }, kafka.library);
}

function openKafka(
  ...[client, catalogue, clock, configuration, logger, instanceId, log, ownFacts]: [
    KafkaClient | undefined,
    Catalogue,
    Clock,
    Configuration,
    Logger,
    string,
    TransactionLog,
    OwnFacts,
  ]
): KafkaTransport | undefined {
  const { kafka, signingKeys } = configuration;
  if (client === undefined || kafka === undefined) {
    return undefined;
  }
  const { prefix, createsTopics, partitionCount, replicationFactor } = kafka;
  return new KafkaTransport({
    client,
    catalogue,
    clock,
    instanceId,
    prefix,
    signingKey: signingKeys[0],
    keys: signingKeys,
    createTopics: createsTopics ? { partitionCount, replicationFactor } : undefined,
    ownerPartitions: ownerPartitions(log),
    onAssignment: (partitions) => {
      ownFacts.reads(partitions);
    },
    limits: { drainMs: KAFKA_DRAIN_MS },
    onTrouble: (error) => {
      logger.warn({ error }, 'trouble with Kafka');
    },
  });
}

function openTransport(
  ...[kafka, catalogue, clock, random, configuration, logger, meters]: [
    KafkaTransport | undefined,
    Catalogue,
    Clock,
    Random,
    Configuration,
    Logger,
    Meters,
  ]
): BranchTransport {
  const plain = new HttpTransport({
    catalogue,
    clock,
    random,
    signingKey: configuration.signingKeys[0],
    onSinkError: (error) => {
      logger.error({ error }, 'reply not taken');
    },
  });
  const http = new MeteredTransport(plain, 'http', meters);
  if (kafka === undefined) {
    return http;
  }
  return new RoutedTransport({
    http,
    kafka: new MeteredTransport(kafka, 'kafka', meters),
    catalogue,
    clock,
    preferred: configuration.kafka?.preferred,
  });
}
