import type { LocalDatabase, SqlSession } from '@atone/participant';
import { AutomaticMissingError, AutomaticOutdatedError } from './automatic.error.js';
import { AUTOMATIC_VERSION, functionsHash, functionStatements, tableStatements } from './sql.files.js';

/** Serialises installers: several services, or instances of one, may start at once on one database. */
const LOCK_INSTALLATION = "select pg_advisory_xact_lock(hashtextextended('atone.automatic', 0))";

/**
 * Installs what the automatic kind keeps in a service's database, or brings it up to date: the schemas `atone` and `atone_read`, and
 * the triggers of the tables that are attached. Run it as the role that owns those tables, or as a superuser. It may be run again at any time.
 *
 * @throws AutomaticOutdatedError if a newer version is there already.
 */
export async function installAutomatic(database: LocalDatabase<unknown>): Promise<void> {
  await database.transaction(async ({ sql }) => {
    await sql.execute(LOCK_INSTALLATION);
    const { version = 0, hash, name } = await foundVersion(sql);
    if (version > AUTOMATIC_VERSION) {
      throw outdated(version, name);
    }
    await executeAll(sql, tableStatements(version));
    if (hash !== functionsHash()) {
      await executeAll(sql, functionStatements());
      await sql.execute('select atone.build(id) from atone.attached order by id');
      await sql.execute('update atone.automatic_version set version = $1, functions_hash = $2', [
        AUTOMATIC_VERSION,
        functionsHash(),
      ]);
    }
  });
}

/** Returns what `installAutomatic` does in a database that has nothing of it yet, as SQL for somebody else to run. */
export function installationScript(): string {
  const statements = [
    ...tableStatements(0),
    ...functionStatements(),
    `update atone.automatic_version set version = ${AUTOMATIC_VERSION}, functions_hash = '${functionsHash()}'`,
  ];
  return ['begin', ...statements, 'commit']
    .map((statement) => `${statement.replace(/;$/u, '')};`)
    .join('\n\n');
}

/**
 * Gives `role` what it needs: 'run' for a service whose branches are undone and cleaned up; 'read' to see who holds what, and the views of
 * globally committed rows. Who only writes to attached tables needs nothing.
 */
export async function grantTo(
  database: LocalDatabase<unknown>,
  role: string,
  use: 'run' | 'read',
): Promise<void> {
  await database.transaction(async ({ sql }) => {
    await sql.execute('select atone.grant_to($1, $2)', [role, use]);
  });
}

/**
 * Tells whether the automatic kind is installed as this library needs it.
 *
 * @throws AutomaticMissingError | AutomaticOutdatedError, whose message tells what to do.
 */
export async function checkInstallation(database: LocalDatabase<unknown>): Promise<void> {
  await database.transaction(async ({ sql }) => {
    const { version, hash, name } = await foundVersion(sql);
    if (version === undefined) {
      throw new AutomaticMissingError(
        `What the automatic kind needs is missing in database '${name}'. ${HOW_TO_INSTALL}`,
      );
    }
    if (version !== AUTOMATIC_VERSION || hash !== functionsHash()) {
      throw outdated(version, name);
    }
  });
}

const HOW_TO_INSTALL =
  'Have the role that owns the tables of the service run `installAutomatic(database)` of @atone/automatic.';

function outdated(found: number, name: string): AutomaticOutdatedError {
  const remedy =
    found > AUTOMATIC_VERSION
      ? 'Update @atone/automatic in this service: a newer version of it has been installed in this database.'
      : `Bring it up to date. ${HOW_TO_INSTALL}`;
  return new AutomaticOutdatedError(
    `What the automatic kind has in database '${name}' is of another version (${found}) than this library (${AUTOMATIC_VERSION}), or was changed. ${remedy}`,
  );
}

interface FoundVersion {
  readonly version: number | undefined;
  readonly hash: unknown;
  readonly name: string;
}

async function foundVersion(sql: SqlSession): Promise<FoundVersion> {
  const [place] = (
    await sql.execute(
      "select current_database()::text as name, to_regclass('atone.automatic_version') is not null as is_there",
    )
  ).rows;
  const name = String(place?.['name']);
  if (place?.['is_there'] !== true) {
    return { version: undefined, hash: undefined, name };
  }
  const [row] = (await sql.execute('select version, functions_hash from atone.automatic_version')).rows;
  return { version: Number(row?.['version']), hash: row?.['functions_hash'], name };
}

async function executeAll(sql: SqlSession, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- each statement needs the one before
    await sql.execute(statement);
  }
}
