import type { LocalDatabase } from '@atone/participant';

/** How a table is attached. */
export interface AttachOptions {
  /**
   * Who may write to the table: anybody, or global transactions only. A write through a client that Atone does not know cannot be told
   * from that of an ordinary writer, so it would not be undone; 'global-only' refuses it instead. Default: 'any'.
   */
  readonly writers?: 'any' | 'global-only' | undefined;
}

/** Something that keeps an attached table from being protected. */
export interface TableProblem {
  /** The table, quoted as SQL needs it. */
  readonly table: string;
  readonly problem: string;
  /** The statement that mends it. */
  readonly remedy: string;
}

/**
 * Has the changes of `table` by global transactions kept, so that they can be undone, and the rows that they hold protected from every
 * other writer. Again after a change of its columns or indexes.
 *
 * @param table as in SQL: `orders`, or `sales."Order lines"`; several at once where each follows the other by foreign keys.
 * @returns what may keep an undo from restoring a row of it: triggers, rules, types of extensions.
 * @throws the database's error GX010 where the table cannot be attached; it says why, and what to do.
 */
export async function attach(
  database: LocalDatabase<unknown>,
  table: string | readonly string[],
  { writers = 'any' }: AttachOptions = {},
): Promise<readonly string[]> {
  return database.transaction(async ({ sql }) => {
    const { rows } = await sql.execute('select warning from atone.attach_together($1::regclass[], $2)', [
      [table].flat(),
      writers,
    ]);
    return rows.map(({ warning }) => String(warning));
  });
}

/**
 * Takes `table` out of the protection, or several at once that follow each other.
 *
 * @throws the database's error GX011 while global transactions hold rows of it, or while a table that it follows is attached.
 */
export async function detach(
  database: LocalDatabase<unknown>,
  table: string | readonly string[],
): Promise<void> {
  await database.transaction(async ({ sql }) => {
    await sql.execute('select atone.detach_together($1::regclass[])', [[table].flat()]);
  });
}

/** Tells what keeps attached tables from being protected. Nothing: all of them are. */
export async function checkTables(database: LocalDatabase<unknown>): Promise<readonly TableProblem[]> {
  return database.transaction(async ({ sql }) => {
    const { rows } = await sql.execute('select table_name, problem, remedy from atone.check_tables()');
    return rows.map(({ table_name: table, problem, remedy }) => ({
      table: String(table),
      problem: String(problem),
      remedy: String(remedy),
    }));
  });
}

/** A table whose rows are protected. */
export interface AttachedTable {
  /** Quoted as SQL needs it. */
  readonly table: string;
  /** The columns by which a row is found again. */
  readonly key: readonly string[];
  readonly writers: 'any' | 'global-only';
  /** How many rows of it global transactions hold now. */
  readonly heldCount: number;
  /** The view of its globally committed rows. */
  readonly view: string;
}

const READ_ATTACHED = `
select format('%I.%I', a.schema_name, a.table_name) as title, a.key_columns::text[] as key, a.writers,
  (
    select count(*)::integer from atone.held as h where h.schema_name = a.schema_name and h.table_name = a.table_name
  ) as held_count,
  format('atone_read.%I', a.view_name) as view
from atone.attached as a
order by 1`;

/** Returns the tables that are attached, by name. */
export async function attachedTables(database: LocalDatabase<unknown>): Promise<readonly AttachedTable[]> {
  return database.transaction(async ({ sql }) => {
    const { rows } = await sql.execute(READ_ATTACHED);
    return rows.map(({ title, key, writers, held_count: heldCount, view }) => ({
      table: String(title),
      key: key as readonly string[],
      writers: writers as AttachedTable['writers'],
      heldCount: Number(heldCount),
      view: String(view),
    }));
  });
}
