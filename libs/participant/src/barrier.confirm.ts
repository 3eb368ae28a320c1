import type { BranchReply } from '@atone/core';
import { storeConfirm } from './barrier.led.js';
import type { Barrier, ConfirmCall } from './barrier.port.js';
import * as rows from './barrier.row.js';
import { judgeCloseConfirm, judgeConfirm, lost } from './barrier.rules.js';
import { CLOSED, orStoreRefusal } from './barrier.turn.js';
import type { LocalDatabase, OpenTransaction, SqlSession } from './database.port.js';
import { reached } from './failpoints.js';

const NO_ROW =
  'there is no row of it, so its effect was lost, with a database that was restored from a backup, say';

/** Confirms a branch, as `Barrier.confirm` promises. */
export async function confirm<Transaction>(
  database: LocalDatabase<Transaction>,
  call: ConfirmCall,
  handler: Parameters<Barrier<Transaction>['confirm']>[1],
): Promise<BranchReply> {
  await reached('participant.confirm.beforeRow');
  const reply = await orStoreRefusal(database, {
    run: (open) => confirmOnce(open, call, handler),
    store: (sql, refusal) => storeConfirmRefusal(sql, call, refusal),
  });
  await reached('participant.confirm.beforeReply');
  return reply;
}

/** Stores a refusal of the confirm for the round, as `Barrier.closeConfirm` promises. */
export async function closeConfirm(sql: SqlSession, call: ConfirmCall): Promise<BranchReply> {
  const held = await rows.lockRow(sql, call);
  if (held === undefined) {
    return lost(call, NO_ROW);
  }
  const verdict = judgeCloseConfirm(held.row, call);
  if ('reply' in verdict) {
    return verdict.reply;
  }
  await rows.storeUndoRefusal(sql, call, CLOSED);
  return { outcome: 'closed' };
}

/** What is not there is never written: a row of a confirm would bar the undo of a branch that comes late. */
async function confirmOnce<Transaction>(
  open: OpenTransaction<Transaction>,
  call: ConfirmCall,
  handler: Parameters<Barrier<Transaction>['confirm']>[1],
): Promise<BranchReply> {
  const held = await rows.lockRow(open.sql, call);
  if (held === undefined) {
    return lost(call, NO_ROW);
  }
  const { row, transactionId } = held;
  const verdict = judgeConfirm(row, call);
  if ('reply' in verdict) {
    return verdict.reply;
  }
  await reached('participant.confirm.beforeCode');
  if (row.led?.kind === 'tcc') {
    await handler(open.transaction, { input: row.input, output: row.output ?? null });
  }
  open.seal();
  await storeConfirm(open.sql, call, transactionId);
  await reached('participant.confirm.beforeCommit');
  return { outcome: 'confirmed' };
}

async function storeConfirmRefusal(
  sql: SqlSession,
  call: ConfirmCall,
  refusal: rows.StoredRefusal,
): Promise<BranchReply> {
  const held = await rows.lockRow(sql, call);
  if (held === undefined) {
    return lost(call, NO_ROW);
  }
  const verdict = judgeConfirm(held.row, call);
  if ('reply' in verdict) {
    return verdict.reply;
  }
  await rows.storeUndoRefusal(sql, call, refusal);
  return { outcome: 'refused', refusal: { ...refusal, isStored: true } };
}
