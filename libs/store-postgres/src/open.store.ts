import type { DataSource } from 'typeorm';
import { PostgresCatalogueStore } from './catalogue.postgres.js';
import { translating } from './cold.read.js';
import { createDataSource } from './data-source.js';
import { HotPool } from './hot.pool.js';
import { cleanUp } from './janitor.statement.js';
import { readLogId } from './log-id.statement.js';
import { PostgresLog } from './log.postgres.js';
import { migrate } from './migrate.js';
import { ensurePartitions } from './partitions.js';
import { checkServer } from './server.check.js';

export interface PostgresStoreOptions {
  /** As in `postgres://user:password@host:5432/database`. */
  readonly url: string;
  /** Take a server that may lose what it has acknowledged. Default: false. */
  readonly acceptLoss?: boolean | undefined;
  /** What the server's list of connections calls us, after `atone`: the coordinator instance, for one. */
  readonly instance?: string | undefined;
  /** How many connections drive transactions; 3 more serve people who look. Default: 4. */
  readonly poolSize?: number | undefined;
}

/** The log and the catalogue in one database. */
export interface PostgresStore {
  readonly log: PostgresLog;
  readonly catalogue: PostgresCatalogueStore;
  /** By what the log is told from others: the same after a restore, after a failover, and in a copy. */
  readonly logId: string;
  /** Makes the partitions of the next seven days. To be called every hour or so: without it the log is full in a week. */
  ensurePartitions(): Promise<void>;
  /** Removes expired idempotency keys, dead instances and what else nobody will ask for. To be called every hour or so. */
  cleanUp(): Promise<void>;
  close(): Promise<void>;
}

const POOL_SIZE_DEFAULT = 4;
const COLD_CONNECTION_COUNT = 3;
const COLD_STATEMENT_TIMEOUT_MS = 5_000;

/**
 * Connects, checks the server, brings the schema up to date and makes its partitions.
 *
 * @throws LogUrlError, LogUnavailableError, ServerTooOldError, LogNotDurableError, SchemaTooNewError
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { url } = options;
  const applicationName = options.instance === undefined ? 'atone' : `atone ${options.instance}`;
  const connectionCountMax = options.poolSize ?? POOL_SIZE_DEFAULT;
  const hot = new HotPool({ url, applicationName, connectionCountMax });
  const cold = createDataSource({
    url,
    applicationName,
    connectionCountMax: COLD_CONNECTION_COUNT,
    statementTimeoutMs: COLD_STATEMENT_TIMEOUT_MS,
  });
  const close = async () => {
    await Promise.all([hot.close(), cold.isInitialized ? cold.destroy() : undefined]);
  };
  let logId: string;
  try {
    await checkServer(hot, options.acceptLoss ?? false);
    await translating('migrate', prepare(cold, { url, applicationName }));
    logId = await readLogId(hot);
  } catch (cause) {
    await close();
    throw cause;
  }
  return {
    log: new PostgresLog(hot, cold),
    catalogue: new PostgresCatalogueStore(cold),
    logId,
    ensurePartitions: () => translating('ensure partitions', ensurePartitions(cold)),
    cleanUp: () => cleanUp(hot),
    close,
  };
}

async function prepare(cold: DataSource, where: { url: string; applicationName: string }): Promise<void> {
  await migrate(where.url, where.applicationName);
  await cold.initialize();
  await ensurePartitions(cold);
}
