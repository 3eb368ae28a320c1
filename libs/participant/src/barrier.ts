import type { BranchReply } from '@atone/core';
import type { ActionCall, Barrier, BarrierCall } from './barrier.port.js';
import * as rows from './barrier.row.js';
import { judgeAction, judgeCloseAction, judgeCloseUndo, judgeUndo } from './barrier.rules.js';
import { requireLive } from './barrier.late.js';
import { isRefusal } from './branch.failure.js';
import type { LocalDatabase, OpenTransaction, SqlSession } from './database.port.js';
import type { TransactionEndings } from './endings.port.js';
import { reached } from './failpoints.js';
import { replyJson } from './payload.js';

const CLOSED: rows.StoredRefusal = { reason: 'closed by operator' };

const REASON_LENGTH_MAX = 1_000;

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
    undo: (call, handler) => undo(database, call, handler),
    closeAction: (call) => database.transaction(({ sql }) => closeAction(sql, call)),
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

/** Runs in one transaction. A refusal rolls it back and is stored by another; what else is thrown stays an error. */
async function orStoreRefusal<Transaction>(
  database: LocalDatabase<Transaction>,
  work: {
    readonly run: (open: OpenTransaction<Transaction>) => Promise<BranchReply>;
    readonly store: (sql: SqlSession, refusal: rows.StoredRefusal) => Promise<BranchReply>;
  },
): Promise<BranchReply> {
  return database.transaction(work.run).catch((error: unknown) => {
    const refusal = refusalOf(error);
    return database.transaction(({ sql }) => work.store(sql, refusal));
  });
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
  if (taken.isPast) {
    await requireLive(call, endings);
  }
  await reached('participant.action.beforeCode');
  const output = await handler(open.transaction);
  open.seal();
  const { transactionId } = taken;
  const isPast = await rows.storeOutput(open.sql, call, { output, transactionId });
  if (isPast && !taken.isPast) {
    // Its row was removed while it was taken: see barrier.mark.ts.
    await requireLive(call, endings);
  }
  await reached('participant.action.beforeCommit');
  return { outcome: 'done', output };
}

type Taken = rows.TakenBranch | { readonly reply: BranchReply };

async function takeForAction(sql: SqlSession, call: ActionCall): Promise<Taken> {
  const held = await insertOrLock(sql, call, () => rows.insertRunning(sql, call));
  if (!('row' in held)) {
    return held;
  }
  const verdict = judgeAction(held.row, call);
  if ('reply' in verdict) {
    return verdict;
  }
  // The refusal may have been stored by a late duplicate, after the removal of a row that said done.
  const isPast = await rows.runAgain(sql, call);
  return { transactionId: held.transactionId, isPast };
}

async function storeRefusal(
  sql: SqlSession,
  call: ActionCall,
  refusal: rows.StoredRefusal,
): Promise<BranchReply> {
  const held = await insertOrLock(sql, call, () => rows.insertRefused(sql, call, refusal));
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

/** For what mostly comes first. To insert waits for whoever is about to insert the same. */
async function insertOrLock<Inserted extends rows.TakenBranch | true>(
  sql: SqlSession,
  call: BarrierCall,
  insert: () => Promise<Inserted | false | undefined>,
): Promise<Inserted | rows.HeldRow> {
  const held = (await insert()) || (await rows.lockRow(sql, call)) || (await insert());
  if (!held) {
    throw new Error(`The barrier row of branch ${call.branchId} of ${call.gid} went away in between.`);
  }
  return held;
}

/** For what mostly finds a row. */
async function lockOrInsert(
  sql: SqlSession,
  call: BarrierCall,
  insert: () => Promise<true | false>,
): Promise<true | rows.HeldRow> {
  return (await rows.lockRow(sql, call)) ?? insertOrLock(sql, call, insert);
}

/** @throws the error itself unless it is a refusal. */
function refusalOf(error: unknown): rows.StoredRefusal {
  if (!isRefusal(error)) {
    throw error;
  }
  const { details } = error;
  const reason = error.reason.slice(0, REASON_LENGTH_MAX);
  return details === undefined
    ? { reason }
    : { reason, details: replyJson(details, 'the details of a RefusedError') };
}
