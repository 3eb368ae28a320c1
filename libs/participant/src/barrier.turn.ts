import type { BranchReply } from '@atone/core';
import type { BarrierCall } from './barrier.port.js';
import * as rows from './barrier.row.js';
import { isRefusal } from './branch.failure.js';
import type { LocalDatabase, OpenTransaction, SqlSession } from './database.port.js';
import { replyJson } from './payload.js';

/** What an operator's closing of a round stores. */
export const CLOSED: rows.StoredRefusal = { reason: 'closed by operator' };

const REASON_LENGTH_MAX = 1_000;

/** Runs in one transaction. A refusal rolls it back and is stored by another; what else is thrown stays an error. */
export async function orStoreRefusal<Transaction>(
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

/** For what mostly comes first. To insert waits for whoever is about to insert the same. */
export async function insertOrLock<Inserted extends rows.TakenBranch | true>(
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
export async function lockOrInsert(
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
