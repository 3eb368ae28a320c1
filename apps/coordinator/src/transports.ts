import { RoutedTransport, type BranchTransport } from '@atone/engine';
import type { KafkaClient } from '@atone/kafka';
import { connectKafka } from '@atone/kafka/connect';
import { HttpTransport } from '@atone/transport-http';
import { KafkaTransport, ownerPartitions } from '@atone/transport-kafka';
import type { Provider } from '@nestjs/common';
import type { Configuration } from './configuration.js';
import { CoordinatorParts } from './coordinator.parts.js';
import { KafkaLines } from './kafka.lines.js';
import { KafkaLink } from './kafka.link.js';
import { MeteredTransport } from './metrics/metered.transport.js';
import { OwnFacts } from './own.facts.js';
import { PrefixWatch } from './prefix.watch.js';
import { Standby } from './standby.js';
import { CONFIGURATION, INSTANCE_ID, KAFKA_CLIENT, KAFKA_TRANSPORT, TRANSPORT } from './tokens.js';

/** Less than the coordinator has for its stop: the lease is ended after that. */
const KAFKA_DRAIN_MS = 3_000;

/** How participants are reached: over HTTP, and over Kafka where there are brokers. */
export const TRANSPORTS: readonly Provider[] = [
  OwnFacts,
  CoordinatorParts,
  { provide: KAFKA_CLIENT, useFactory: openClient, inject: [CONFIGURATION, INSTANCE_ID] },
  { provide: Standby, useFactory: openStandby, inject: [CoordinatorParts, KAFKA_CLIENT] },
  { provide: KAFKA_TRANSPORT, useFactory: openKafka, inject: [CoordinatorParts, KAFKA_CLIENT, Standby] },
  { provide: TRANSPORT, useFactory: openTransport, inject: [CoordinatorParts, KAFKA_TRANSPORT] },
  { provide: PrefixWatch, useFactory: openPrefixWatch, inject: [CoordinatorParts] },
  { provide: KafkaLink, useFactory: openLink, inject: [CoordinatorParts, KAFKA_CLIENT, KAFKA_TRANSPORT] },
];

async function openClient({ kafka }: Configuration, instanceId: string): Promise<KafkaClient | undefined> {
  if (kafka === undefined) {
    return undefined;
  }
  const clientId = `${kafka.prefix}-coordinator-${instanceId}`;
  return connectKafka({ ...kafka.connection, clientId }, kafka.library);
}

function openStandby(parts: CoordinatorParts, client: KafkaClient | undefined): Standby {
  const { configuration, catalogue, log, logger } = parts;
  return new Standby({ kafka: configuration.kafka, client, catalogue, log, logger });
}

function openKafka(
  parts: CoordinatorParts,
  client: KafkaClient | undefined,
  standby: Standby,
): KafkaTransport | undefined {
  const { catalogue, clock, instanceId, log, logger, ownFacts } = parts;
  const { logId } = parts.store;
  const { kafka, signingKeys } = parts.configuration;
  if (client === undefined || kafka === undefined) {
    return undefined;
  }
  const { prefix, createsTopics, partitionCount, replicationFactor } = kafka;
  const lines = new KafkaLines({ logger, kafka, nowMs: () => clock.now(), logId });
  return new KafkaTransport({
    client,
    catalogue,
    clock,
    instanceId,
    logId,
    prefix,
    signingKey: signingKeys[0],
    keys: signingKeys,
    createTopics: createsTopics ? { partitionCount, replicationFactor } : undefined,
    ownerPartitions: ownerPartitions(log),
    onAssignment: (partitions) => {
      ownFacts.reads(partitions);
      lines.reads(partitions);
    },
    onSpare: (isSpare) => {
      void standby.becomesSpare(isSpare);
      ownFacts.tell();
    },
    limits: { drainMs: KAFKA_DRAIN_MS },
    onTrouble: (error) => lines.trouble(error),
    onHeard: () => lines.hears(),
    onDead: (record, reason) => lines.dead(record, reason),
    onOther: (record, otherLogId) => lines.other(record, otherLogId),
  });
}

function openPrefixWatch({ instanceId, configuration, log, clock, logger }: CoordinatorParts): PrefixWatch {
  return new PrefixWatch({ instanceId, prefix: configuration.kafka?.prefix, log, clock, logger });
}

function openTransport(parts: CoordinatorParts, kafka: KafkaTransport | undefined): BranchTransport {
  const { catalogue, clock, configuration, logger, meters, random } = parts;
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
    isKafkaMute: () => kafka.isSpare,
  });
}

function openLink(
  { configuration, clock, logger }: CoordinatorParts,
  client: KafkaClient | undefined,
  transport: KafkaTransport | undefined,
): KafkaLink {
  return new KafkaLink({ transport, client, configuration, clock, logger });
}
