import type { KafkaClient } from '@atone/kafka';
import { AtoneModule, databaseFrom, type AtoneExtras, type PropagationOptions } from '@atone/nestjs';
import { typeormDatabase } from '@atone/nestjs/typeorm';
import type { DynamicModule, Type } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type MigrationInterface } from 'typeorm';
import type { Environment } from './environment.js';
import { commandsBy } from './kafka.connection.js';
import { KAFKA_CLIENT, KafkaModule } from './kafka.module.js';

export interface ServiceParts {
  /** The name in the contract. */
  readonly service: string;
  readonly migration: Type<MigrationInterface>;
  /** The contracts of those that it calls. */
  readonly clients?: AtoneExtras['clients'];
  /** Which calls over HTTP are part of a transaction. Default: all. */
  readonly propagation?: PropagationOptions;
}

/** A little more than the 16 commands that the library runs at once, each with a connection of its own. */
const POOL_SIZE = 20;

/** Returns the modules that connect a service to its database and to the coordinator. */
export function serviceImports(environment: Environment, parts: ServiceParts): DynamicModule[] {
  const { service, migration, clients = [], propagation } = parts;
  return [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: environment.DATABASE_URL,
      migrations: [migration],
      migrationsRun: true,
      poolSize: POOL_SIZE,
    }),
    AtoneModule.forRootAsync({
      imports: [KafkaModule.forRoot(environment, service)],
      inject: [KAFKA_CLIENT],
      clients,
      useFactory: (kafka?: KafkaClient) => ({
        service,
        coordinator: { url: environment.COORDINATOR_URL },
        // The barrier's table lies in the service's own database, so that it commits with what the tries do.
        database: databaseFrom(DataSource, typeormDatabase),
        barrier: { migrate: true },
        ...(kafka
          ? { kafka: commandsBy(kafka, environment) }
          : { listen: { port: environment.COMMANDS_PORT } }),
        propagation,
      }),
    }),
  ];
}
