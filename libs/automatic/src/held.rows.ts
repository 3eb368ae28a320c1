import type { LocalDatabase } from '@atone/participant';

/** A row that a global transaction holds. */
export interface HeldRow {
  /** Quoted as SQL needs it. */
  readonly table: string;
  /** The row's key: one column as its text, several as a list in JSON. */
  readonly key: string;
  readonly gid: string;
  readonly branchId: string;
  readonly since: Date;
}

const READ_HELD = `
select format('%I.%I', schema_name, table_name) as title, key, gid, branch_id, since
from atone.held
order by since, gid, 1, key
limit $1`;

/** Returns the rows that are held, the oldest first, at most `countMax` of them. */
export async function heldRows(
  database: LocalDatabase<unknown>,
  countMax: number,
): Promise<readonly HeldRow[]> {
  return database.transaction(async ({ sql }) => {
    const { rows } = await sql.execute(READ_HELD, [countMax]);
    return rows.map(({ title, key, gid, branch_id: branchId, since }) => ({
      table: String(title),
      key: String(key),
      gid: String(gid),
      branchId: String(branchId),
      since: since as Date,
    }));
  });
}
