import type { BranchReply } from '@atone/core';
import { closeConfirm, confirm } from './barrier.confirm.js';
import { requireLive } from './barrier.late.js';
import * as led from './barrier.led.js';
import type { ActionCall, ActionResult, Barrier, BarrierCall } from './barrier.port.js';
import * as rows from './barrier.row.js';
import { judgeAction, judgeCloseAction, judgeCloseUndo, judgeUndo } from './barrier.rules.js';
import { CLOSED, insertOrLock, lockOrInsert, orStoreRefusal } from './barrier.turn.js';
import { inputHash } from './canonical-json.js';
import type { LocalDatabase, OpenTransaction, SqlSession } from './database.port.js';
import type { TransactionEndings } from './endings.port.js';
import { reached } from './failpoints.js';

/**
 * Returns the barrier that is kept in table `atone.barrier` of `database`. `endings` is asked where rows may have been
 * removed; without it, what may be a late duplicate is never carried out.
 *
 * The row is written or locked first, so that whoever else comes for the branch waits there and then reads the answer.
 * It commits with the effect. A refusal rolls all back and is stored in a transaction after it: in between, another
 * attempt may get in and store its own answer, which then stands for both.
 */
export function createBarrier<Transaction>(
  database: LocalDatabase<Transaction>,
  endings?: TransactionEndings,
): Barrier<Transaction> {
  return {
    act: (call, handler) => act(database, call, { handler, endings }),
    confirm: (call, handler) => confirm(database, call, handler),
    undo: (call, handler) => undo(database, call, handler),
    closeAction: (call) => database.transaction(({ sql }) => closeAction(sql, call)),
    closeConfirm: (call) => database.transaction(({ sql }) => closeConfirm(sql, call)),
    closeUndo: (call) => database.transaction(({ sql }) => closeUndo(sql, call)),
  };
}

interface ActionRun<Transaction> {
  readonly handler: Parameters<Barrier<Transaction>['act']>[1];
  readonly endings: TransactionEndings | undefined;
}

async function act<Transaction>(
  database: LocalDatabase<Transaction>,
  call: ActionCall,
  action: ActionRun<Transaction>,
): Promise<BranchReply> {
  await reached('participant.action.beforeRow');
  const reply = await orStoreRefusal(database, {
    run: (open) => actOnce(open, call, action),
    store: (sql, refusal) => storeRefusal(sql, call, refusal),
  });
  await reached('participant.action.beforeReply');
  return reply;
}

async function actOnce<Transaction>(
  open: OpenTransaction<Transaction>,
  call: ActionCall,
  { handler, endings }: ActionRun<Transaction>,
): Promise<BranchReply> {
  const taken = await takeForAction(open.sql, call);
  if ('reply' in taken) {
    return taken.reply;
  }
  // A service that can ask nobody would never get through what has waited for it.
  if (taken.isPast || (call.isLate === true && endings !== undefined)) {
    await requireLive(call, endings);
  }
  await reached('participant.action.beforeCode');
  const result = await handler(open.transaction);
  open.seal();
  const isPast = await storeResult(open.sql, call, { ...result, transactionId: taken.transactionId });
  if (isPast && !taken.isPast) {
    // Its row was removed while it was taken: see barrier.mark.ts.
    await requireLive(call, endings);
  }
  await reached('participant.action.beforeCommit');
  return doneOf(call, result, taken.led);
}

/** A branch that is taken for an action, with how it is ended if its transaction is led. */
interface TakenForAction extends rows.TakenBranch {
  readonly led: Pick<rows.LedRow, 'kind' | 'nonce'> | undefined;
}

async function takeForAction(
  sql: SqlSession,
  call: ActionCall,
): Promise<TakenForAction | { readonly reply: BranchReply }> {
  const held = await insertOrLock(sql, call, () =>
    led.isLed(call) ? led.insertLedRunning(sql, call) : rows.insertRunning(sql, call),
  );
  if (!('row' in held)) {
    return { ...held, led: call.led };
  }
  const verdict = judgeAction(held.row, call);
  if ('reply' in verdict) {
    return verdict;
  }
  // The refusal may have been stored by a late duplicate, after the removal of a row that said done.
  const isPast = await rows.runAgain(sql, call);
  return { transactionId: held.transactionId, isPast, led: held.row.led };
}

function storeResult(
  sql: SqlSession,
  call: ActionCall,
  done: ActionResult & { readonly transactionId: string },
): Promise<boolean> {
  return led.isLed(call) ? led.storeLedOutput(sql, call, done) : rows.storeOutput(sql, call, done);
}

function doneOf(
  call: ActionCall,
  { output, enlisted }: ActionResult,
  terms: TakenForAction['led'],
): BranchReply {
  return terms === undefined
    ? { outcome: 'done', output }
    : {
        outcome: 'done',
        output,
        enlistment: led.enlistmentOf({ ...terms, enlisted }, inputHash(call.input)),
      };
}

async function storeRefusal(
  sql: SqlSession,
  call: ActionCall,
  refusal: rows.StoredRefusal,
): Promise<BranchReply> {
  const held = await insertOrLock(sql, call, () =>
    led.isLed(call) ? led.insertLedRefused(sql, call, refusal) : rows.insertRefused(sql, call, refusal),
  );
  if (held !== true) {
    const verdict = judgeAction(held.row, call);
    if ('reply' in verdict) {
      return verdict.reply;
    }
    await rows.storeRefusal(sql, call, refusal);
  }
  return { outcome: 'refused', refusal: { ...refusal, isStored: true } };
}

async function undo<Transaction>(
  database: LocalDatabase<Transaction>,
  call: BarrierCall,
  handler: Parameters<Barrier<Transaction>['undo']>[1],
): Promise<BranchReply> {
  await reached('participant.compensate.beforeRow');
  const reply = await orStoreRefusal(database, {
    run: (open) => undoOnce(open, call, handler),
    store: (sql, refusal) => storeUndoRefusal(sql, call, refusal),
  });
  await reached('participant.compensate.beforeReply');
  return reply;
}

async function undoOnce<Transaction>(
  open: OpenTransaction<Transaction>,
  call: BarrierCall,
  handler: Parameters<Barrier<Transaction>['undo']>[1],
): Promise<BranchReply> {
  const { sql } = open;
  const held = await lockOrInsert(sql, call, () => rows.insertEmptyUndo(sql, call));
  if (held === true) {
    return { outcome: 'undone', wasEmpty: true };
  }
  const verdict = judgeUndo(held.row, call);
  if ('reply' in verdict) {
    return verdict.reply;
  }
  if (verdict.act === 'mark-undone') {
    await rows.storeEmptyUndo(sql, call);
    return { outcome: 'undone', wasEmpty: true };
  }
  await reached('participant.compensate.beforeCode');
  await handler(open.transaction, { input: held.row.input, output: held.row.output ?? null });
  open.seal();
  await rows.storeUndo(sql, call, held.transactionId);
  await reached('participant.compensate.beforeCommit');
  return { outcome: 'undone', wasEmpty: false };
}

async function storeUndoRefusal(
  sql: SqlSession,
  call: BarrierCall,
  refusal: rows.StoredRefusal,
): Promise<BranchReply> {
  const held = await lockOrInsert(sql, call, () => rows.insertEmptyUndo(sql, call));
  if (held === true) {
    return { outcome: 'undone', wasEmpty: true };
  }
  const verdict = judgeUndo(held.row, call);
  if ('reply' in verdict) {
    return verdict.reply;
  }
  await rows.storeUndoRefusal(sql, call, refusal);
  return { outcome: 'refused', refusal: { ...refusal, isStored: true } };
}

async function closeAction(sql: SqlSession, call: BarrierCall): Promise<BranchReply> {
  const held = await lockOrInsert(sql, call, () => rows.insertRefused(sql, call, CLOSED));
  const verdict = held === true ? undefined : judgeCloseAction(held.row, call);
  if (verdict !== undefined && 'reply' in verdict) {
    return verdict.reply;
  }
  if (verdict !== undefined) {
    await rows.raiseRound(sql, call);
  }
  return { outcome: 'closed' };
}

async function closeUndo(sql: SqlSession, call: BarrierCall): Promise<BranchReply> {
  const held = await lockOrInsert(sql, call, () => rows.insertEmptyUndo(sql, call));
  if (held === true) {
    return { outcome: 'undone', wasEmpty: true };
  }
  const verdict = judgeCloseUndo(held.row, call);
  if ('reply' in verdict) {
    return verdict.reply;
  }
  if (verdict.act === 'mark-undone') {
    await rows.storeEmptyUndo(sql, call);
    return { outcome: 'undone', wasEmpty: true };
  }
  await rows.storeUndoRefusal(sql, call, CLOSED);
  return { outcome: 'closed' };
}
