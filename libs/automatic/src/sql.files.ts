import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The version of the tables that this library works with. */
export const AUTOMATIC_VERSION = 1;

/** Each brings the tables from the version before to its own, and never changes after a release. */
const TABLE_FILES = ['tables.v1.sql'];

/** What each version replaces as a whole, in this order. */
const FUNCTION_FILES = ['types', 'capture', 'rows', 'undo', 'reads', 'attach', 'checks', 'roles'].map(
  (name) => `functions/${name}.sql`,
);

/** Where a statement of these files ends: the next one begins at the margin, behind an empty line. */
const BETWEEN_STATEMENTS = /;\n\n(?=(?:--|create |comment |insert ))/u;

/** The statements that bring the tables from version `found`, 0 for none, to the present one. */
export function tableStatements(found: number): readonly string[] {
  return TABLE_FILES.slice(found).flatMap((file) => statementsOf(file));
}

/** The statements that make all functions and views anew. */
export function functionStatements(): readonly string[] {
  return FUNCTION_FILES.flatMap((file) => statementsOf(file));
}

/** Tells one set of functions from another. */
export function functionsHash(): string {
  const hash = createHash('sha256');
  for (const statement of functionStatements()) {
    hash.update(statement);
  }
  return hash.digest('hex');
}

function statementsOf(file: string): readonly string[] {
  const text = readFileSync(new URL(`../sql/${file}`, import.meta.url), 'utf8');
  return text.trim().split(BETWEEN_STATEMENTS);
}
