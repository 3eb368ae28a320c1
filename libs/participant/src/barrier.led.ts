import type { Enlistment } from '@atone/core';
import { IS_PAST } from './barrier.mark.js';
import type { ActionCall, ActionResult, ConfirmCall, LedTerms } from './barrier.port.js';
import {
  changeOne,
  inputParams,
  isPastOf,
  keyAndNames,
  readTaken,
  type LedRow,
  type StoredRefusal,
  type TakenBranch,
} from './barrier.row.js';
import type { SqlSession } from './database.port.js';
import type { Enlisted } from './led/scope.port.js';

/*
 * The statements that write the row of a led branch. They do what those of a plan's branch do, which are in barrier.row.ts,
 * and are no more of them; they stand apart so that a plan's branch has nothing more to carry.
 */

/** The action of a led transaction. */
export interface LedCall extends ActionCall {
  readonly led: LedTerms;
}

/** Tells the action of a led transaction from one of a plan. */
export function isLed(call: ActionCall): call is LedCall {
  return call.led !== undefined;
}

export const INSERT_LED_RUNNING = `
insert into atone.barrier (
  gid, branch_id, service, action, round, input_hash, input,
  kind, nonce, secret_hash, epoch, initiator, doubt_at, next_ask_at, timeout_ms, ask_count, state
)
values (
  $1::uuid, $2, $3, $4, $5::int, decode($6, 'hex'), $7::json,
  $8, $9, decode($10, 'hex'), $11::int, $12,
  now() + $13::float8 * interval '1 ms', now() + $13::float8 * interval '1 ms', $14::int, 0, 'running'
)
on conflict (gid, branch_id) do nothing
returning pg_current_xact_id()::text as transaction_id, ${IS_PAST} as is_past`;

/** Takes the branch for an action, with what ends it; else as `insertRunning`. */
export async function insertLedRunning(sql: SqlSession, call: LedCall): Promise<TakenBranch | undefined> {
  const params = [...keyAndNames(call), ...inputParams(call), ...termParams(call.led)];
  return readTaken(await sql.execute(INSERT_LED_RUNNING, params));
}

export const INSERT_LED_REFUSED = `
insert into atone.barrier (
  gid, branch_id, service, action, round, refusal, input_hash, input,
  kind, nonce, secret_hash, epoch, initiator, doubt_at, next_ask_at, timeout_ms, ask_count, state
)
values (
  $1::uuid, $2, $3, $4, $5::int, $6::json, decode($7, 'hex'), $8::json,
  $9, $10, decode($11, 'hex'), $12::int, $13,
  now() + $14::float8 * interval '1 ms', now() + $14::float8 * interval '1 ms', $15::int, 0, 'refused'
)
on conflict (gid, branch_id) do nothing`;

/**
 * Stores a refusal where there is no row, and returns whether there was none. It is in doubt as well: so the coordinator
 * gets to know the transaction, and its rows can be removed, also where its initiator dies.
 */
export async function insertLedRefused(
  sql: SqlSession,
  call: LedCall,
  refusal: StoredRefusal,
): Promise<boolean> {
  const { affectedCount } = await sql.execute(INSERT_LED_REFUSED, [
    ...keyAndNames(call),
    JSON.stringify(refusal),
    ...inputParams(call),
    ...termParams(call.led),
  ]);
  return affectedCount === 1;
}

export const STORE_LED_OUTPUT = `
update atone.barrier
set state = 'done', output = $3::json, enlisted = $5::json, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'running'
  and pg_current_xact_id()::text = $4
returning ${IS_PAST} as is_past`;

/** Stores the answer of an action with the branches below it; else as `storeOutput`. */
export async function storeLedOutput(
  sql: SqlSession,
  call: LedCall,
  done: ActionResult & { readonly transactionId: string },
): Promise<boolean> {
  const { output, enlisted, transactionId } = done;
  const params = [call.gid, call.branchId, JSON.stringify(output), transactionId, enlistedJson(enlisted)];
  return isPastOf(await changeOne(sql, STORE_LED_OUTPUT, params));
}

export const STORE_CONFIRM = `
update atone.barrier
set state = 'confirmed', undo_round = $3::int, undo_refusal = null, doubt_at = null, next_ask_at = null,
  ask_count = null, trouble = null, updated_at = now()
where gid = $1::uuid
  and branch_id = $2
  and state = 'done'
  and kind is not null
  and pg_current_xact_id()::text = $4`;

/** From here on nothing undoes the branch. */
export async function storeConfirm(sql: SqlSession, call: ConfirmCall, transactionId: string): Promise<void> {
  await changeOne(sql, STORE_CONFIRM, [call.gid, call.branchId, call.round, transactionId]);
}

/** Returns what an answer tells of its branch: the same each time. */
export function enlistmentOf(
  { kind, nonce, enlisted }: Pick<LedRow, 'kind' | 'nonce' | 'enlisted'>,
  hash: string,
): Enlistment {
  const { below = [], registered = [] } = enlisted ?? {};
  return {
    kind,
    nonce,
    inputHash: hash,
    ...(below.length === 0 ? {} : { below }),
    ...(registered.length === 0 ? {} : { registered }),
  };
}

function termParams({ kind, nonce, secretHash, epoch, initiator, ...times }: LedTerms): unknown[] {
  const { remainingMs, timeoutMs = null } = times;
  return [kind, nonce, secretHash, epoch, initiator, remainingMs, timeoutMs];
}

function enlistedJson(enlisted: Enlisted | undefined): string | null {
  const isEmpty = enlisted === undefined || enlisted.below.length + enlisted.registered.length === 0;
  return isEmpty ? null : JSON.stringify({ below: enlisted.below, registered: enlisted.registered });
}
