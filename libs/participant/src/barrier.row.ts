import type { BranchKind, Json, Refusal } from '@atone/core';
import { IS_PAST } from './barrier.mark.js';
import type { ActionCall, BarrierCall } from './barrier.port.js';
import { inputHash } from './canonical-json.js';
import type { SqlResult, SqlRow, SqlSession } from './database.port.js';
import type { Enlisted } from './led/scope.port.js';
import { MisuseError } from './participant.error.js';

export type StoredRefusal = Omit<Refusal, 'isStored'>;

/**
 * What is stored of a branch.
 *
 * `running` is written first and replaced in the same transaction: to find it means that a handler ended the
 * transaction of its branch behind the library's back.
 */
export interface BarrierRow {
  readonly service: string;
  readonly action: string;
  /** Undefined where no action came. */
  readonly inputHash: string | undefined;
  readonly state: 'running' | 'done' | 'confirmed' | 'refused' | 'undone';
  /** Whether the undo found nothing to undo. */
  readonly wasEmpty: boolean;
  /** The highest round of the action that has an answer; 0 where none came. */
  readonly round: number;
  /** The highest round of the undo, or of the confirm, that has an answer; 0 where none came. */
  readonly undoRound: number;
  readonly input: Json | undefined;
  readonly output: Json | undefined;
  readonly refusal: StoredRefusal | undefined;
  readonly undoRefusal: StoredRefusal | undefined;
  /** Undefined for the branch of a plan, and where no action came. */
  readonly led: LedRow | undefined;
}

/** What a row holds of a led transaction. */
export interface LedRow {
  readonly kind: BranchKind;
  readonly nonce: string;
  readonly secretHash: string;
  readonly enlisted: Enlisted | undefined;
}

/** A row that this transaction holds, and the transaction's own id, by which it is known again at the end. */
export interface HeldRow {
  readonly row: BarrierRow;
  readonly transactionId: string;
}

/** A branch that this transaction runs an action for. */
export interface TakenBranch {
  readonly transactionId: string;
  /** Whether rows of its gid may have been removed, as the statement that took it saw it. */
  readonly isPast: boolean;
}

export const INSERT_RUNNING = `
insert into atone.barrier (gid, branch_id, service, action, round, input_hash, input, state)
values ($1::uuid, $2, $3, $4, $5::int, decode($6, 'hex'), $7::json, 'running')
on conflict (gid, branch_id) do nothing
returning pg_current_xact_id()::text as transaction_id, ${IS_PAST} as is_past`;

/** Takes the branch for an action, waiting for whoever else is at it. Returns undefined if there is a row already. */
export async function insertRunning(sql: SqlSession, call: ActionCall): Promise<TakenBranch | undefined> {
  return readTaken(await sql.execute(INSERT_RUNNING, [...keyAndNames(call), ...inputParams(call)]));
}

export const LOCK_ROW = `
select service, action, encode(input_hash, 'hex') as input_hash, state, was_empty, round, undo_round,
  input::text as input, output::text as output, refusal::text as refusal, undo_refusal::text as undo_refusal,
  kind, nonce, encode(secret_hash, 'hex') as secret_hash, enlisted::text as enlisted,
  pg_current_xact_id()::text as transaction_id
from atone.barrier
where gid = $1::uuid
  and branch_id = $2
for update`;

/** Returns the row of the branch, locked until the transaction ends. */
export async function lockRow(sql: SqlSession, call: BarrierCall): Promise<HeldRow | undefined> {
  const { rows } = await sql.execute(LOCK_ROW, [call.gid, call.branchId]);
  const [row] = rows;
  return row && { row: readRow(row), transactionId: String(row['transaction_id']) };
}

export const INSERT_REFUSED = `
insert into atone.barrier (gid, branch_id, service, action, round, refusal, input_hash, input, state)
values ($1::uuid, $2, $3, $4, $5::int, $6::json, decode($7, 'hex'), $8::json, 'refused')
on conflict (gid, branch_id) do nothing`;

/** Stores a refusal where there is no row. Returns whether there was none. */
export async function insertRefused(
  sql: SqlSession,
  call: BarrierCall & { readonly input?: Json | undefined },
  refusal: StoredRefusal,
): Promise<boolean> {
  const hash = 'input' in call ? inputParams(call) : [null, null];
  const { affectedCount } = await sql.execute(INSERT_REFUSED, [
    ...keyAndNames(call),
    JSON.stringify(refusal),
    ...hash,
  ]);
  return affectedCount === 1;
}

export const INSERT_EMPTY_UNDO = `
insert into atone.barrier (gid, branch_id, service, action, round, undo_round, was_empty, state)
values ($1::uuid, $2, $3, $4, 0, $5::int, true, 'undone')
on conflict (gid, branch_id) do nothing`;

/** Bars an action that has not come. Returns whether there was no row. */
export async function insertEmptyUndo(sql: SqlSession, call: BarrierCall): Promise<boolean> {
  const { affectedCount } = await sql.execute(INSERT_EMPTY_UNDO, keyAndNames(call));
  return affectedCount === 1;
}

export const RUN_AGAIN = `
update atone.barrier
set state = 'running', service = $3, action = $4, round = $5::int, input_hash = decode($6, 'hex'),
  input = $7::json, refusal = null, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'refused'
  and round < $5::int
returning ${IS_PAST} as is_past`;

/** Takes a refused branch for a later round, whose input may be another. Returns whether its gid is up to the mark. */
export async function runAgain(sql: SqlSession, call: ActionCall): Promise<boolean> {
  return isPastOf(await changeOne(sql, RUN_AGAIN, [...keyAndNames(call), ...inputParams(call)]));
}

export const STORE_OUTPUT = `
update atone.barrier
set state = 'done', output = $3::json, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'running'
  and pg_current_xact_id()::text = $4
returning ${IS_PAST} as is_past`;

/** Stores the answer of an action. Returns whether its gid is up to the mark, as seen after the row was taken. */
export async function storeOutput(
  sql: SqlSession,
  call: BarrierCall,
  done: { readonly output: Json; readonly transactionId: string },
): Promise<boolean> {
  const { gid, branchId } = call;
  const params = [gid, branchId, JSON.stringify(done.output), done.transactionId];
  return isPastOf(await changeOne(sql, STORE_OUTPUT, params));
}

export const STORE_REFUSAL = `
update atone.barrier
set state = 'refused', service = $3, action = $4, round = $5::int, refusal = $6::json,
  input_hash = decode($7, 'hex'), input = $8::json, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'refused'
  and round < $5::int`;

/** Stores the refusal of a later round. */
export async function storeRefusal(sql: SqlSession, call: ActionCall, refusal: StoredRefusal): Promise<void> {
  await changeOne(sql, STORE_REFUSAL, [...keyAndNames(call), JSON.stringify(refusal), ...inputParams(call)]);
}

export const RAISE_ROUND = `
update atone.barrier
set round = greatest(round, $3::int), updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'refused'`;

/** Makes a stored refusal stand for all rounds up to that of `call`. */
export async function raiseRound(sql: SqlSession, call: BarrierCall): Promise<void> {
  await changeOne(sql, RAISE_ROUND, [call.gid, call.branchId, call.round]);
}

export const STORE_EMPTY_UNDO = `
update atone.barrier
set state = 'undone', was_empty = true, undo_round = $3::int, doubt_at = null, next_ask_at = null,
  ask_count = null, trouble = null, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'refused'`;

/** Closes all rounds of a refused action. */
export async function storeEmptyUndo(sql: SqlSession, call: BarrierCall): Promise<void> {
  await changeOne(sql, STORE_EMPTY_UNDO, [call.gid, call.branchId, call.round]);
}

export const STORE_UNDO = `
update atone.barrier
set state = 'undone', was_empty = false, undo_round = $3::int, undo_refusal = null, doubt_at = null, next_ask_at = null,
  ask_count = null, trouble = null, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'done'
  and pg_current_xact_id()::text = $4`;

export async function storeUndo(sql: SqlSession, call: BarrierCall, transactionId: string): Promise<void> {
  await changeOne(sql, STORE_UNDO, [call.gid, call.branchId, call.round, transactionId]);
}

export const STORE_UNDO_REFUSAL = `
update atone.barrier
set undo_round = $3::int, undo_refusal = $4::json, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'done'
  and coalesce(undo_round, 0) < $3::int`;

export async function storeUndoRefusal(
  sql: SqlSession,
  call: BarrierCall,
  refusal: StoredRefusal,
): Promise<void> {
  await changeOne(sql, STORE_UNDO_REFUSAL, [call.gid, call.branchId, call.round, JSON.stringify(refusal)]);
}

/** A row that is locked cannot slip away; only the end of the transaction lets it go. */
export async function changeOne(
  sql: SqlSession,
  text: string,
  params: readonly unknown[],
): Promise<SqlResult> {
  const result = await sql.execute(text, params);
  if (result.affectedCount !== 1) {
    throw new MisuseError(
      'The handler ended the transaction of its branch: COMMIT and ROLLBACK are not for handlers. What it wrote before may have stayed.',
    );
  }
  return result;
}

/** Returns the branch that a statement has taken, or undefined if it has inserted nothing. */
export function readTaken({ rows: [row] }: SqlResult): TakenBranch | undefined {
  return row && { transactionId: String(row['transaction_id']), isPast: row['is_past'] === true };
}

export function isPastOf({ rows }: SqlResult): boolean {
  return rows[0]?.['is_past'] === true;
}

export function keyAndNames(call: BarrierCall): unknown[] {
  return [call.gid, call.branchId, call.service, call.action, call.round];
}

export function inputParams(call: { readonly input?: Json | undefined }): unknown[] {
  return [inputHash(call.input), call.input === undefined ? null : JSON.stringify(call.input)];
}

/** JSON is read as text: a driver would make the same of JSON's null and of SQL's. */
function readRow(row: SqlRow): BarrierRow {
  return {
    service: String(row['service']),
    action: String(row['action']),
    inputHash: (row['input_hash'] ?? undefined) as string | undefined,
    state: row['state'] as BarrierRow['state'],
    wasEmpty: row['was_empty'] === true,
    round: Number(row['round']),
    undoRound: Number(row['undo_round'] ?? 0),
    input: readJson(row['input']) as Json | undefined,
    output: readJson(row['output']) as Json | undefined,
    refusal: readJson(row['refusal']) as StoredRefusal | undefined,
    undoRefusal: readJson(row['undo_refusal']) as StoredRefusal | undefined,
    led: readLed(row),
  };
}

function readLed(row: SqlRow): LedRow | undefined {
  const { kind, nonce, secret_hash: secretHash, enlisted } = row;
  return typeof nonce !== 'string'
    ? undefined
    : {
        kind: kind as BranchKind,
        nonce,
        secretHash: String(secretHash),
        enlisted: readJson(enlisted) as Enlisted | undefined,
      };
}

function readJson(text: unknown): unknown {
  return typeof text === 'string' ? JSON.parse(text) : undefined;
}
