import 'reflect-metadata';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { GlobalTransactionEntity } from './entity/global-transaction.entity.js';
import { IdempotencyKeyEntity } from './entity/idempotency-key.entity.js';
import { InstanceEntity } from './entity/instance.entity.js';
import { ParticipantInstanceEntity } from './entity/participant-instance.entity.js';
import { SilentLogger } from './silent.logger.js';
import { Initial1764000000000 } from './migration/initial.migration.js';
import { InstanceFacts1764300000000 } from './migration/instance-facts.migration.js';
import { KafkaInstance1764200000000 } from './migration/kafka-instance.migration.js';
import { LogId1764400000000 } from './migration/log-id.migration.js';
import { LogLife1764100000000 } from './migration/log-life.migration.js';

/** All migrations, oldest first. One that has been released never changes. */
const MIGRATIONS = [
  Initial1764000000000,
  LogLife1764100000000,
  KafkaInstance1764200000000,
  InstanceFacts1764300000000,
  LogId1764400000000,
] as const;

export const MIGRATION_NAMES: readonly string[] = MIGRATIONS.map((Migration) => new Migration().name);

export const SCHEMA = 'atone';

export const MIGRATION_TABLE = 'migration';

export interface DataSourceOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectionCountMax: number;
  /** Absent, a statement may take as long as it needs. */
  readonly statementTimeoutMs?: number | undefined;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Returns TypeORM's way into the log, not yet connected. It never alters the schema by itself. */
export function createDataSource(options: DataSourceOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    driver: pg,
    url: options.url,
    schema: SCHEMA,
    entities: [GlobalTransactionEntity, IdempotencyKeyEntity, InstanceEntity, ParticipantInstanceEntity],
    migrations: [...MIGRATIONS],
    migrationsTableName: MIGRATION_TABLE,
    migrationsTransactionMode: 'all',
    synchronize: false,
    logger: new SilentLogger(),
    installExtensions: false,
    poolSize: options.connectionCountMax,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    // An idle connection that breaks is replaced when it is needed again.
    poolErrorHandler: () => undefined,
    extra: {
      application_name: options.applicationName,
      statement_timeout: options.statementTimeoutMs,
      keepAlive: true,
    },
  });
}
