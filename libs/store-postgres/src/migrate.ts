import type { DataSource, QueryRunner } from 'typeorm';
import { MIGRATION_NAMES, MIGRATION_TABLE, SCHEMA, createDataSource } from './data-source.js';
import { SchemaTooNewError } from './store.error.js';

/** Any fixed number would do; this one spells "aton". */
const MIGRATION_LOCK = 0x61_74_6f_6e;

/**
 * Brings the schema up to date. Of several instances that start at once, one does it and the others wait for it; one
 * that dies half-way leaves the schema as it was.
 *
 * @throws SchemaTooNewError if a newer version has been here.
 */
export async function migrate(url: string, applicationName: string): Promise<void> {
  const dataSource = createDataSource({ url, applicationName, connectionCountMax: 2 });
  await dataSource.initialize();
  const locker = dataSource.createQueryRunner();
  try {
    await locker.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await migrateAlone(dataSource, locker);
  } finally {
    // The lock ends with its connection, however this ended.
    await locker.release();
    await dataSource.destroy();
  }
}

async function migrateAlone(dataSource: DataSource, locker: QueryRunner): Promise<void> {
  await locker.query(`create schema if not exists ${SCHEMA}`);
  const unknown = (await doneMigrations(locker)).filter((name) => !MIGRATION_NAMES.includes(name));
  if (unknown.length > 0) throw new SchemaTooNewError(unknown);
  await dataSource.runMigrations({ transaction: 'all' });
}

async function doneMigrations(locker: QueryRunner): Promise<string[]> {
  if (!(await locker.hasTable(`${SCHEMA}.${MIGRATION_TABLE}`))) return [];
  const rows: { name: string }[] = await locker.query(
    `select name from ${SCHEMA}.${MIGRATION_TABLE} order by id`,
  );
  return rows.map(({ name }) => name);
}
