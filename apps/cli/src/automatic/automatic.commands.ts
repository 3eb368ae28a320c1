import {
  attach,
  attachedTables,
  checkInstallation,
  checkTables,
  detach,
  grantTo,
  heldRows,
  installationScript,
  installAutomatic,
} from '@atone/automatic';
import type { LocalDatabase } from '@atone/participant';
import { Command, InvalidArgumentError, Option } from 'commander';
import { writeTable, type Output } from '../output.js';
import { databaseUrlOf, withDatabase } from '../service.database.js';

/** Where commands read and write. */
export interface CommandPlace {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Has the program end with 1, though all went as it should: something was found that a person should mend. */
  readonly warn: () => void;
}

interface DatabaseOption {
  readonly databaseUrl?: string;
}

/** The commands about what the automatic kind keeps in a service's database. */
export function automaticCommand(place: CommandPlace): Command {
  return new Command('automatic')
    .description('automatic rollback of plain SQL: what lies in the database of a service')
    .addCommand(installCommand(place))
    .addCommand(checkCommand(place))
    .addCommand(attachCommand(place))
    .addCommand(detachCommand(place))
    .addCommand(heldCommand(place));
}

function installCommand(place: CommandPlace): Command {
  return databaseCommand('install')
    .description('install it, or bring it up to date; as the role that owns the tables of the service')
    .option('--grant-run <role...>', 'roles of services, whose branches are undone and cleaned up')
    .option('--grant-read <role...>', 'roles that may see who holds what, and what is globally committed')
    .option('--print', 'print the statements instead, for somebody else to run')
    .action(async (options: DatabaseOption & { grantRun?: string[]; grantRead?: string[]; print?: true }) => {
      const { grantRun = [], grantRead = [] } = options;
      if (options.print === true) {
        place.output.line(installationScript());
        return;
      }
      await inDatabase(place, options, async (database) => {
        await installAutomatic(database);
        for (const [use, role] of [...pairs('run', grantRun), ...pairs('read', grantRead)]) {
          // oxlint-disable-next-line no-await-in-loop -- one after the other: they change the same rights
          await grantTo(database, role, use);
        }
      });
      place.output.line('Installed. Attach tables next: atone automatic attach <table>');
    });
}

function pairs(use: 'run' | 'read', roles: readonly string[]): (readonly ['run' | 'read', string])[] {
  return roles.map((role) => [use, role] as const);
}

function checkCommand(place: CommandPlace): Command {
  return databaseCommand('check')
    .description(
      'tell what is attached, and what keeps it from being protected; exits with 1 if anything does',
    )
    .action(async (options: DatabaseOption) => {
      const { tables, problems } = await inDatabase(place, options, async (database) => {
        await checkInstallation(database);
        return { tables: await attachedTables(database), problems: await checkTables(database) };
      });
      if (tables.length === 0) {
        place.output.line('No table is attached. To attach one: atone automatic attach <table>');
        return;
      }
      writeTable(
        place.output,
        ['table', 'key', 'writers', 'rows held', 'committed rows'],
        tables.map(({ table, key, writers, heldCount, view }) => [
          table,
          key.join(', '),
          writers,
          String(heldCount),
          view,
        ]),
      );
      if (problems.length === 0) {
        place.output.line('All of them are protected.');
        return;
      }
      writeTable(
        place.output,
        ['table', 'problem', 'remedy'],
        problems.map(({ table, problem, remedy }) => [table, problem, remedy]),
      );
      place.warn();
    });
}

function attachCommand(place: CommandPlace): Command {
  return databaseCommand('attach')
    .description(
      'have what global transactions change in a table kept, and the rows protected that they hold',
    )
    .argument('<table...>', 'as in SQL: orders, or sales."Order lines"')
    .addOption(
      new Option('--writers <who>', 'who may write to it').choices(['any', 'global-only']).default('any'),
    )
    .action(async (tables: string[], options: DatabaseOption & { writers: 'any' | 'global-only' }) => {
      await inDatabase(place, options, async (database) => {
        for (const table of tables) {
          // oxlint-disable-next-line no-await-in-loop -- in their order: a table that follows another one has to come first
          const warnings = await attach(database, table, { writers: options.writers });
          place.output.line(`Attached ${table}.`);
          for (const warning of warnings) {
            place.output.line(`  Mind: ${warning}`);
          }
        }
      });
    });
}

function detachCommand(place: CommandPlace): Command {
  return databaseCommand('detach')
    .description('take a table out of the protection')
    .argument('<table...>', 'as in SQL')
    .action(async (tables: string[], options: DatabaseOption) => {
      await inDatabase(place, options, async (database) => {
        for (const table of tables) {
          // oxlint-disable-next-line no-await-in-loop -- in their order: what follows a table can be detached after it only
          await detach(database, table);
          place.output.line(`Detached ${table}.`);
        }
      });
    });
}

function heldCommand(place: CommandPlace): Command {
  return databaseCommand('held')
    .description('tell which rows are held, by which global transaction, since when: the oldest first')
    .option('--limit <n>', 'at most so many', countOf, 50)
    .action(async (options: DatabaseOption & { limit: number }) => {
      const rows = await inDatabase(place, options, async (database) => {
        await checkInstallation(database);
        return heldRows(database, options.limit);
      });
      if (rows.length === 0) {
        place.output.line('No row is held.');
        return;
      }
      writeTable(
        place.output,
        ['table', 'key', 'global transaction', 'branch', 'since'],
        rows.map(({ table, key, gid, branchId, since }) => [table, key, gid, branchId, since.toISOString()]),
      );
    });
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 10_000) {
    throw new InvalidArgumentError('It is a whole number from 1 to 10000.');
  }
  return count;
}

function databaseCommand(name: string): Command {
  return new Command(name).option(
    '--database-url <url>',
    'the database of the service (default: what DATABASE_URL says)',
  );
}

function inDatabase<Result>(
  { env }: CommandPlace,
  { databaseUrl }: DatabaseOption,
  work: (database: LocalDatabase<unknown>) => Promise<Result>,
): Promise<Result> {
  return withDatabase(databaseUrlOf(databaseUrl, env), work);
}
