import { BARRIER_STEPS, BARRIER_VERSION, isValidation } from './barrier.ddl.js';
import type { LocalDatabase, SqlSession } from './database.port.js';
import { BarrierMissingError, BarrierOutdatedError, MisuseError } from './participant.error.js';

/** What a service is going to do with its barrier. */
export interface CheckOptions {
  /** Whether a janitor is to remove rows, which takes more privileges. Default: false. */
  readonly cleanUp?: boolean | undefined;
}

/**
 * Tells whether the barrier's table is there, as this library needs it, and may be used by this role.
 *
 * @throws BarrierMissingError | BarrierOutdatedError | MisuseError, whose message tells what to do.
 */
export async function checkBarrier(
  database: LocalDatabase<unknown>,
  { cleanUp = false }: CheckOptions = {},
): Promise<void> {
  await database.transaction(async ({ sql }) => {
    await refuseMisleadingRole(sql);
    await refuseRoleWithoutPrivileges(sql, cleanUp);
    const { found, compatibleFrom, name } = await foundVersion(sql);
    if (found === undefined) {
      throw new BarrierMissingError(
        `The table atone.barrier is missing in database '${name}'. ${howToInstall(0)}`,
      );
    }
    if (found < BARRIER_VERSION || compatibleFrom > BARRIER_VERSION) {
      throw outdated(found, name);
    }
  });
}

/** Serialises installers: several services, or instances of one, may start at once on one database. */
const LOCK_INSTALLATION = "select pg_advisory_xact_lock(hashtextextended('atone.barrier', 0))";

/**
 * Installs the barrier's table, or brings it up to date.
 *
 * @throws BarrierOutdatedError if a newer version of it is there that this library cannot work with.
 * @throws MisuseError if the schema of Atone would hide the tables of this role.
 */
export async function migrateBarrier(database: LocalDatabase<unknown>): Promise<void> {
  const missing = await database.transaction(async ({ sql }) => {
    await refuseMisleadingRole(sql);
    await sql.execute(LOCK_INSTALLATION);
    const { found = 0, compatibleFrom, name } = await foundVersion(sql);
    if (compatibleFrom > BARRIER_VERSION) {
      throw outdated(found, name);
    }
    const statements = BARRIER_STEPS.slice(found).flat();
    await executeAll(
      sql,
      statements.filter((statement) => !isValidation(statement)),
    );
    return statements.filter(isValidation);
  });
  if (missing.length > 0) {
    await database.transaction(async ({ sql }) => executeAll(sql, missing));
  }
}

async function executeAll(sql: SqlSession, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- each statement needs the one before
    await sql.execute(statement);
  }
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

/** What actions and their compensations need, by table. */
const PRIVILEGES: readonly (readonly [table: string, privilege: string])[] = [
  ['barrier_version', 'select'],
  ['barrier', 'select'],
  ['barrier', 'insert'],
  ['barrier', 'update'],
  ['barrier_mark', 'select'],
];

const CLEAN_UP_PRIVILEGES: typeof PRIVILEGES = [
  ['barrier', 'delete'],
  ['barrier_mark', 'insert'],
  ['barrier_mark', 'update'],
];

/**
 * The statements that give this role what it lacks of the privileges $2 on the tables $1. Read in the catalogue, which
 * everybody may see: a name that is missing, or of a schema without `usage`, would be an error.
 */
const MISSING_GRANTS = `
select format(
  'grant %s on atone.%I to %I', string_agg(needed.privilege, ', ' order by needed.position), t.relname, current_user
) as missing
from unnest($1::text[], $2::text[]) with ordinality as needed (relname, privilege, position)
join pg_class as t on t.relname = needed.relname and t.relnamespace = to_regnamespace('atone')
where not has_table_privilege(t.oid, needed.privilege)
group by t.relname
union all
select format('grant usage on schema atone to %I', current_user)
where not has_schema_privilege(to_regnamespace('atone'), 'usage')`;

/** Without them the service would start, and each of its actions, or each look of its janitor, would fail. */
async function refuseRoleWithoutPrivileges(sql: SqlSession, cleanUp: boolean): Promise<void> {
  const needed = cleanUp ? [...PRIVILEGES, ...CLEAN_UP_PRIVILEGES] : PRIVILEGES;
  const tables = needed.map(([table]) => table);
  const { rows } = await sql.execute(MISSING_GRANTS, [tables, needed.map(([, privilege]) => privilege)]);
  if (rows.length > 0) {
    const grants = rows.map(({ missing }) => String(missing)).toSorted();
    throw new MisuseError(
      "The database role of this service lacks privileges on Atone's tables: what it does with them would fail. Have " +
        `their owner run \`${grants.join('; ')}\`, and start it again.`,
    );
  }
}

const FIND_TABLE =
  "select current_database()::text as name, to_regclass('atone.barrier_version') is not null as is_there";

/** Versions before 4 have no column that tells with which libraries they are compatible: each is with its own. */
const READ_VERSION = `
select version, coalesce((to_jsonb(v) ->> 'compatible_from')::integer, version) as compatible_from
from atone.barrier_version as v`;

interface FoundVersion {
  readonly found: number | undefined;
  /** The oldest version of the barrier whose library can work with the one that was found. */
  readonly compatibleFrom: number;
  readonly name: string;
}

async function foundVersion(sql: SqlSession): Promise<FoundVersion> {
  const [table] = (await sql.execute(FIND_TABLE)).rows;
  const name = String(table?.['name']);
  if (table?.['is_there'] !== true) {
    return { found: undefined, compatibleFrom: 0, name };
  }
  const [row] = (await sql.execute(READ_VERSION)).rows;
  return {
    found: row && Number(row['version']),
    compatibleFrom: Number(row?.['compatible_from'] ?? 0),
    name,
  };
}

function outdated(found: number, name: string): BarrierOutdatedError {
  const remedy =
    found < BARRIER_VERSION
      ? `Bring it up to date. ${howToInstall(found)}`
      : 'Update @atone/participant in this service: a newer version of it has been installed in this database.';
  return new BarrierOutdatedError(
    `The table atone.barrier in database '${name}' is of version ${found}, and this library works with version ` +
      `${BARRIER_VERSION}. ${remedy}`,
    { found, needed: BARRIER_VERSION },
  );
}

const MIGRATIONS = [
  'InstallBarrier1763800000000',
  'InstallBarrierMark1764000000000',
  'InstallBarrierLed1764200000000',
  'InstallBarrierTimeout1764400000000',
];

/** Names what brings the barrier from version `found` to the present one. */
function howToInstall(found: number): string {
  const files = BARRIER_STEPS.map(
    (_step, index) => ` -f node_modules/@atone/participant/sql/barrier.v${index + 1}.sql`,
  );
  return (
    `Run \`psql "$DATABASE_URL"${files.slice(found).join('')}\`, or add ${MIGRATIONS.slice(found).join(' and ')} of ` +
    '@atone/participant/typeorm to the migrations of your TypeORM data source, or let the service do it at its start ' +
    'with `barrier: { migrate: true }`.'
  );
}
