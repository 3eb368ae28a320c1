import * as doubt from '../barrier.doubt.js';
import * as led from '../barrier.led.js';
import * as removal from '../barrier.mark.js';
import * as statements from '../barrier.row.js';
import { gidTimeMs } from '@atone/core';
import type { SqlResult, SqlRow } from '../database.port.js';

/** A barrier row by column, with JSON as text, as {@link statements.LOCK_ROW} reads it. */
export type BarrierColumns = Readonly<Record<string, unknown>>;

/** One transaction's view of the barrier's table, with its locks. */
export interface BarrierTable {
  readonly transactionId: string;
  /** Returns the row, locked until the transaction ends. */
  lock(gid: string, branchId: string): Promise<BarrierColumns | undefined>;
  /** Inserts a row unless there is one; waits for who is about to insert the same. */
  insert(gid: string, branchId: string, row: BarrierColumns): Promise<boolean>;
  /** Changes a row that this transaction has locked. */
  replace(gid: string, branchId: string, row: BarrierColumns): void;
  /** By the clock of the database, in ms since 1970. */
  now(): number;
  /** Returns which row is of which service, the least gid first. */
  services(): readonly { readonly gid: string; readonly service: unknown }[];
  /** Removes the rows of a transaction but for those that others have locked, and returns how many it removed. */
  remove(service: string, gid: string): number;
  /** Returns the greatest gid whose rows were removed. */
  mark(): string | undefined;
  /** Returns the rows that are in doubt, in no order. */
  inDoubt(): readonly { readonly gid: string; readonly branchId: string; readonly columns: BarrierColumns }[];
  /** Changes a row that is in doubt, unless another transaction has locked it. */
  replaceIfFree(gid: string, branchId: string, change: (row: BarrierColumns) => BarrierColumns): void;
  /** Raises the mark, waiting for who is about to do the same. */
  raiseMark(gid: string): Promise<void>;
}

type Statement = (table: BarrierTable, params: readonly unknown[]) => Promise<SqlResult>;

const NO_DOUBT: BarrierColumns = { doubt_at: null, next_ask_at: null, ask_count: null, trouble: null };

/**
 * What each statement of the barrier does, by its text. The suite of the barrier runs over this and over PostgreSQL,
 * and keeps the two the same.
 */
const MEANINGS: ReadonlyMap<string, Statement> = new Map<string, Statement>([
  [statements.INSERT_RUNNING, insertRunning],
  [led.INSERT_LED_RUNNING, insertLedRunning],
  [statements.LOCK_ROW, lockRow],
  [statements.INSERT_REFUSED, insertRefused],
  [led.INSERT_LED_REFUSED, insertLedRefused],
  [statements.INSERT_EMPTY_UNDO, insertEmptyUndo],
  [doubt.FIND_IN_DOUBT, findInDoubt],
  [doubt.ASK_LATER, askLater],
  [removal.FIND_OLD, findOld],
  [removal.RAISE_MARK, raiseMark],
  [removal.REMOVE_ROWS, removeRows],
  [
    statements.RUN_AGAIN,
    changeTellingMark(
      (row, [, , , , round]) => row['state'] === 'refused' && isBelow(row['round'], round),
      ([, , service, action, round, input_hash, input]) => ({
        state: 'running',
        service,
        action,
        round,
        input_hash,
        input,
        refusal: null,
      }),
    ),
  ],
  [statements.STORE_OUTPUT, changeTellingMark(isRunHere, ([, , output]) => ({ state: 'done', output }))],
  [
    led.STORE_LED_OUTPUT,
    changeTellingMark(isRunHere, ([, , output, , enlisted]) => ({ state: 'done', output, enlisted })),
  ],
  [
    led.STORE_CONFIRM,
    change(
      (row, params, table) => isDoneHere(row, params, table) && row['kind'] !== null,
      ([, , undo_round]) => ({ ...NO_DOUBT, state: 'confirmed', undo_round, undo_refusal: null }),
    ),
  ],
  [
    statements.STORE_REFUSAL,
    change(
      (row, [, , , , round]) => row['state'] === 'refused' && isBelow(row['round'], round),
      ([, , service, action, round, refusal, input_hash, input]) => ({
        service,
        action,
        round,
        refusal,
        input_hash,
        input,
      }),
    ),
  ],
  [
    statements.RAISE_ROUND,
    change(
      (row) => row['state'] === 'refused',
      ([, , round], row) => ({ round: Math.max(Number(row['round']), Number(round)) }),
    ),
  ],
  [
    statements.STORE_EMPTY_UNDO,
    change(
      (row) => row['state'] === 'refused',
      ([, , undo_round]) => ({ ...NO_DOUBT, state: 'undone', was_empty: true, undo_round }),
    ),
  ],
  [
    statements.STORE_UNDO,
    change(isDoneHere, ([, , undo_round]) => ({
      ...NO_DOUBT,
      state: 'undone',
      was_empty: false,
      undo_round,
      undo_refusal: null,
    })),
  ],
  [
    statements.STORE_UNDO_REFUSAL,
    change(
      (row, [, , round]) => row['state'] === 'done' && isBelow(row['undo_round'] ?? 0, round),
      ([, , undo_round, undo_refusal]) => ({ undo_round, undo_refusal }),
    ),
  ],
]);

/** Carries out one of the barrier's statements. @throws for any other: this is no database for a service's own tables. */
export async function executeStatement(
  table: BarrierTable,
  text: string,
  params: readonly unknown[],
): Promise<SqlResult> {
  const meaning = MEANINGS.get(text);
  if (meaning === undefined) {
    throw new Error(
      `The database in memory knows the statements of the barrier alone, and not: ${text.trim()}`,
    );
  }
  return meaning(table, params);
}

const NOTHING: SqlResult = { rows: [], affectedCount: 0 };

function insertRunning(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  return insertTelling(table, params, {});
}

function insertLedRunning(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  return insertTelling(table, params, termsOf(table, params.slice(7)));
}

async function insertTelling(
  table: BarrierTable,
  params: readonly unknown[],
  terms: BarrierColumns,
): Promise<SqlResult> {
  const [gid, branchId, service, action, round, input_hash, input] = params;
  const row = { ...EMPTY, service, action, round, input_hash, input, state: 'running', ...terms };
  // As old as the statement, which may have to wait for another transaction: so it is at READ COMMITTED.
  const is_past = isPast(table, gid);
  const isInserted = await table.insert(String(gid), String(branchId), row);
  return isInserted
    ? { rows: [{ transaction_id: table.transactionId, is_past }], affectedCount: 1 }
    : NOTHING;
}

/** Returns the columns that only the row of a led branch has. */
function termsOf(table: BarrierTable, params: readonly unknown[]): BarrierColumns {
  const [kind, nonce, secret_hash, epoch, initiator, remainingMs, timeout_ms] = params;
  const doubt_at = table.now() + Number(remainingMs);
  const told = { kind, nonce, secret_hash, epoch, initiator, timeout_ms };
  return { ...told, doubt_at, next_ask_at: doubt_at, ask_count: 0 };
}

async function lockRow(table: BarrierTable, [gid, branchId]: readonly unknown[]): Promise<SqlResult> {
  const row = await table.lock(String(gid), String(branchId));
  return row === undefined
    ? NOTHING
    : { rows: [{ ...row, transaction_id: table.transactionId } satisfies SqlRow], affectedCount: 1 };
}

function insertRefused(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  return insertNo(table, params, {});
}

function insertLedRefused(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  return insertNo(table, params, termsOf(table, params.slice(8)));
}

async function insertNo(
  table: BarrierTable,
  params: readonly unknown[],
  terms: BarrierColumns,
): Promise<SqlResult> {
  const [gid, branchId, service, action, round, refusal, input_hash, input] = params;
  const row = { ...EMPTY, service, action, round, refusal, input_hash, input, state: 'refused', ...terms };
  return counted(await table.insert(String(gid), String(branchId), row));
}

async function insertEmptyUndo(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  const [gid, branchId, service, action, undo_round] = params;
  const row = { ...EMPTY, service, action, round: 0, undo_round, was_empty: true, state: 'undone' };
  return counted(await table.insert(String(gid), String(branchId), row));
}

/** Instants are ms since 1970; PostgreSQL writes them in its own way, and takes them back as they are. */
async function findInDoubt(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  const [service, count, until, afterAt, afterGid, afterBranchId] = params;
  const now = table.now();
  const after = [
    afterAt === '-infinity' ? Number.NEGATIVE_INFINITY : Number(afterAt),
    afterGid,
    afterBranchId,
  ];
  const rows = table
    .inDoubt()
    .filter(({ columns }) => columns['service'] === service)
    .map(({ gid, branchId, columns }) => ({ key: [Number(columns['next_ask_at']), gid, branchId], columns }))
    .filter(({ key }) => Number(key[0]) <= Number(until ?? now) && compareKeys(key, after) > 0)
    .toSorted((left, right) => compareKeys(left.key, right.key))
    .slice(0, Number(count))
    .map(({ key: [ask_at, gid, branch_id], columns }) => {
      const overdue_ms = now - Number(columns['doubt_at']);
      return { ...columns, gid, branch_id, ask_at: String(ask_at), overdue_ms, until: String(now) };
    });
  return { rows, affectedCount: rows.length };
}

function compareKeys(left: readonly unknown[], right: readonly unknown[]): number {
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (part !== other) {
      return (part as string | number) < (other as string | number) ? -1 : 1;
    }
  }
  return 0;
}

async function askLater(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  const [gids, branchIds, pauses, troubles] = params as [string[], string[], number[], (string | null)[]];
  for (const [index, gid] of gids.entries()) {
    table.replaceIfFree(gid, branchIds[index] ?? '', (row) => ({
      ...row,
      ask_count: Number(row['ask_count']) + 1,
      next_ask_at: Math.max(Number(row['doubt_at']), table.now() + (pauses[index] ?? 0)),
      trouble: troubles[index],
    }));
  }
  return NOTHING;
}

async function findOld(table: BarrierTable, params: readonly unknown[]): Promise<SqlResult> {
  const [service, after, olderThanMs, rowCount] = params;
  const floor = Math.max(0, Math.round(table.now() - Number(olderThanMs)));
  const behind = table.services().filter(({ gid }) => gid > String(after));
  const last = behind.slice(0, Number(rowCount)).at(-1)?.gid ?? '';
  const looked = behind.filter(({ gid }) => gid <= last);
  const own = new Set(looked.filter((row) => row.service === service).map(({ gid }) => gid));
  const gids = [...new Set([...own, last])].filter((gid) => gid !== '' && gidTimeMs(gid) < floor);
  return { rows: gids.map((gid) => ({ gid, is_own: own.has(gid) })), affectedCount: gids.length };
}

async function raiseMark(table: BarrierTable, [gid]: readonly unknown[]): Promise<SqlResult> {
  await table.raiseMark(String(gid));
  return counted(true);
}

async function removeRows(table: BarrierTable, [service, gids]: readonly unknown[]): Promise<SqlResult> {
  const counts = (gids as readonly string[]).map((gid) => table.remove(String(service), gid));
  return { rows: [], affectedCount: counts.reduce((sum, count) => sum + count, 0) };
}

const EMPTY: BarrierColumns = {
  was_empty: null,
  undo_round: null,
  input_hash: null,
  input: null,
  output: null,
  refusal: null,
  undo_refusal: null,
  kind: null,
  nonce: null,
  secret_hash: null,
  epoch: null,
  initiator: null,
  timeout_ms: null,
  enlisted: null,
  ...NO_DOUBT,
};

function isRunHere(row: BarrierColumns, params: readonly unknown[], table: BarrierTable): boolean {
  return row['state'] === 'running' && params[3] === table.transactionId;
}

function isDoneHere(row: BarrierColumns, params: readonly unknown[], table: BarrierTable): boolean {
  return row['state'] === 'done' && params[3] === table.transactionId;
}

/** Returns the statement that changes the row of a branch where `applies` says so. */
function change(
  applies: (row: BarrierColumns, params: readonly unknown[], table: BarrierTable) => boolean,
  changed: (params: readonly unknown[], row: BarrierColumns) => BarrierColumns,
): Statement {
  return async (table, params) => {
    const [gid, branchId] = params.map(String) as [string, string];
    const row = await table.lock(gid, branchId);
    if (row === undefined || !applies(row, params, table)) {
      return NOTHING;
    }
    table.replace(gid, branchId, { ...row, ...changed(params, row) });
    return counted(true);
  };
}

/** The same for a statement that returns whether the gid is up to the mark. */
function changeTellingMark(...args: Parameters<typeof change>): Statement {
  const statement = change(...args);
  return async (table, params) => {
    const is_past = isPast(table, params[0]);
    const { affectedCount } = await statement(table, params);
    return affectedCount === 0 ? NOTHING : { rows: [{ is_past }], affectedCount };
  };
}

function isPast(table: BarrierTable, gid: unknown): boolean {
  const mark = table.mark();
  return mark !== undefined && mark >= String(gid);
}

function counted(isDone: boolean): SqlResult {
  return { rows: [], affectedCount: isDone ? 1 : 0 };
}

function isBelow(left: unknown, right: unknown): boolean {
  return Number(left) < Number(right);
}
