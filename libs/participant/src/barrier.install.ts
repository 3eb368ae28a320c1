import { BARRIER_VERSION, INSTALL_BARRIER } from './barrier.ddl.js';
import type { LocalDatabase, SqlSession } from './database.port.js';
import { BarrierMissingError, BarrierOutdatedError, MisuseError } from './participant.error.js';

const HOW_TO_INSTALL =
  'Run `psql "$DATABASE_URL" -f node_modules/@atone/participant/sql/barrier.v1.sql`, or add InstallBarrier1763800000000 of ' +
  '@atone/participant/typeorm to the migrations of your TypeORM data source, or let the service do it at its start with ' +
  '`barrier: { migrate: true }`.';

/**
 * Tells whether the barrier's table is there, as this library needs it.
 *
 * @throws BarrierMissingError | BarrierOutdatedError | MisuseError, whose message tells what to do.
 */
export async function checkBarrier(database: LocalDatabase<unknown>): Promise<void> {
  await database.transaction(async ({ sql }) => {
    await refuseMisleadingRole(sql);
    const { found, name } = await foundVersion(sql);
    if (found === undefined) {
      throw new BarrierMissingError(
        `The table atone.barrier is missing in database '${name}'. ${HOW_TO_INSTALL}`,
      );
    }
    refuseOtherVersion(found, name);
  });
}

/** Serialises installers: several services, or instances of one, may start at once on one database. */
const LOCK_INSTALLATION = "select pg_advisory_xact_lock(hashtextextended('atone.barrier', 0))";

/**
 * Installs the barrier's table unless it is there.
 *
 * @throws BarrierOutdatedError if one of another version is there.
 * @throws MisuseError if the schema of Atone would hide the tables of this role.
 */
export async function migrateBarrier(database: LocalDatabase<unknown>): Promise<void> {
  await database.transaction(async ({ sql }) => {
    await refuseMisleadingRole(sql);
    await sql.execute(LOCK_INSTALLATION);
    const { found, name } = await foundVersion(sql);
    if (found !== undefined) {
      refuseOtherVersion(found, name);
      return;
    }
    for (const statement of INSTALL_BARRIER) {
      // oxlint-disable-next-line no-await-in-loop -- each statement needs the one before
      await sql.execute(statement);
    }
  });
}

/** PostgreSQL keeps `$user` with or without quotes, as it was given. */
const IS_MISLED = `
select current_user = 'atone' and current_setting('search_path') ~ '^\\s*"?[$]user"?\\s*(,|$)' as is_misled`;

/**
 * Once the schema `atone` is there, the search path `"$user", public` of a role `atone` begins with it: the service would
 * no longer find its own tables, and its migrations would make them again, empty.
 */
async function refuseMisleadingRole(sql: SqlSession): Promise<void> {
  const [row] = (await sql.execute(IS_MISLED)).rows;
  if (row?.['is_misled'] === true) {
    throw new MisuseError(
      "The database role of this service is called 'atone', as the schema of Atone's tables is, and its search_path " +
        'begins with "$user": PostgreSQL would look for the tables of the service in that schema first. Use another ' +
        'role, or run `alter role atone set search_path = public` and connect again.',
    );
  }
}

const FIND_TABLE =
  "select current_database()::text as name, to_regclass('atone.barrier_version') is not null as is_there";

const READ_VERSION = 'select version from atone.barrier_version';

async function foundVersion(sql: SqlSession): Promise<{ found: number | undefined; name: string }> {
  const [table] = (await sql.execute(FIND_TABLE)).rows;
  const name = String(table?.['name']);
  if (table?.['is_there'] !== true) {
    return { found: undefined, name };
  }
  const [row] = (await sql.execute(READ_VERSION)).rows;
  return { found: row && Number(row['version']), name };
}

function refuseOtherVersion(found: number, name: string): void {
  if (found === BARRIER_VERSION) {
    return;
  }
  const remedy =
    found < BARRIER_VERSION
      ? `Bring it up to date. ${HOW_TO_INSTALL}`
      : 'Update @atone/participant in this service: a newer version of it has been installed in this database.';
  throw new BarrierOutdatedError(
    `The table atone.barrier in database '${name}' is of version ${found}, and this library works with version ` +
      `${BARRIER_VERSION}. ${remedy}`,
    { found, needed: BARRIER_VERSION },
  );
}
