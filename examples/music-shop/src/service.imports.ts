import type { KafkaClient } from '@atone/kafka';
import { AtoneModule, databaseFrom, type AtoneOptions } from '@atone/nestjs';
import { typeormDatabase } from '@atone/nestjs/typeorm';
import { kafkaCommands } from '@atone/participant/kafka';
import type { DynamicModule, Type } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type MigrationInterface } from 'typeorm';
import type { Environment } from './environment.js';
import { KAFKA_CLIENT, KafkaModule } from './kafka.module.js';

export interface ServiceParts {
  /** The name in the contract. */
  readonly service: string;
  readonly entities: Type[];
  readonly migrations: Type<MigrationInterface>[];
}

/** A little more than the 16 commands that the library runs at once, each with a connection of its own. */
const POOL_SIZE = 20;

/** Returns the modules that connect a service to its database and to the coordinator. */
export function serviceImports(environment: Environment, parts: ServiceParts): DynamicModule[] {
  return [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: environment.DATABASE_URL,
      entities: parts.entities,
      migrations: parts.migrations,
      migrationsRun: true,
      poolSize: POOL_SIZE,
    }),
    AtoneModule.forRootAsync({
      imports: [KafkaModule.forRoot(environment, parts.service)],
      inject: [KAFKA_CLIENT],
      useFactory: (kafka?: KafkaClient) => ({
        service: parts.service,
        coordinator: { url: environment.COORDINATOR_URL, token: environment.COORDINATOR_TOKEN },
        // The barrier's table lies in the service's own database, so that it commits with what the actions do.
        database: databaseFrom(DataSource, typeormDatabase),
        barrier: { migrate: true },
        keys: environment.ATONE_SIGNING_KEYS,
        ...commandsOver(kafka, environment),
      }),
    }),
  ];
}

/** Commands come over Kafka where there is one, else by requests. */
function commandsOver(
  client: KafkaClient | undefined,
  { COMMANDS_PORT, kafka }: Environment,
): Pick<AtoneOptions, 'kafka' | 'listen'> {
  return client === undefined || kafka === undefined
    ? { listen: { port: COMMANDS_PORT } }
    : { kafka: kafkaCommands({ client, prefix: kafka.prefix, createTopics: kafka }) };
}
