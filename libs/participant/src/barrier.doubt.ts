import type { BranchKind } from '@atone/core';
import { OVERDUE_MAX_MS, type Doubt } from '@atone/protocol';
import type { SqlRow, SqlSession } from './database.port.js';

/** A branch that nobody has ended though its deadline has passed, by the clock of its database. */
export interface DoubtfulBranch {
  /** As the coordinator is asked about it. */
  readonly doubt: Doubt;
  /** How often it was asked about before. */
  readonly askCount: number;
  /** The last round of its end that a no is stored for; 0 where there is none. */
  readonly refusedRound: number;
  /** When it was to be asked about, as the database writes it. */
  readonly askAt: string;
}

/** Which branches to look for. */
export interface DoubtfulBranches {
  readonly service: string;
  readonly count: number;
  /** Up to which instant they were due; undefined: up to now. */
  readonly until: string | undefined;
  /** Only branches behind this one. */
  readonly after: DoubtfulBranch | undefined;
}

/** Reads nothing but what is due: `barrier_in_doubt` holds the rows in this order, and none that is decided. */
export const FIND_IN_DOUBT = `
select gid, branch_id, action, kind, nonce, encode(secret_hash, 'hex') as secret_hash, epoch, initiator, timeout_ms, trouble,
  ask_count, undo_round, next_ask_at::text as ask_at, extract(epoch from now() - doubt_at)::float8 * 1000 as overdue_ms, now()::text as until
from atone.barrier
where service = $1
  and doubt_at is not null
  and next_ask_at <= coalesce($3::timestamptz, now())
  and (next_ask_at, gid, branch_id) > ($4::timestamptz, $5::uuid, $6::text)
order by next_ask_at, gid, branch_id
limit $2`;

/** Less than any branch. */
const FIRST = ['-infinity', '00000000-0000-0000-0000-000000000000', ''] as const;

/** Returns branches that are due to be asked about, and the instant up to which they were. */
export async function findInDoubt(
  sql: SqlSession,
  { service, count, until, after }: DoubtfulBranches,
): Promise<{ readonly branches: readonly DoubtfulBranch[]; readonly until: string | undefined }> {
  const behind = after === undefined ? FIRST : [after.askAt, after.doubt.gid, after.doubt.branchId];
  const { rows } = await sql.execute(FIND_IN_DOUBT, [service, count, until ?? null, ...behind]);
  const [first] = rows;
  return {
    branches: rows.map((row) => readDoubtful(service, row)),
    until: until ?? (first && String(first['until'])),
  };
}

/** When to ask about a branch again, and what went wrong meanwhile. */
export interface LaterQuestion {
  readonly gid: string;
  readonly branchId: string;
  readonly pauseMs: number;
  readonly trouble: string | undefined;
}

/** What is locked is being ended at this moment; if not, the next pass asks about it again. */
export const ASK_LATER = `
with later as (
  select b.gid, b.branch_id, l.pause_ms, l.trouble
  from unnest($1::uuid[], $2::text[], $3::float8[], $4::text[]) as l (gid, branch_id, pause_ms, trouble)
  join atone.barrier as b on b.gid = l.gid and b.branch_id = l.branch_id
  where b.doubt_at is not null
  for update of b skip locked
)
update atone.barrier as b
set ask_count = b.ask_count + 1, trouble = later.trouble,
  next_ask_at = greatest(b.doubt_at, now() + later.pause_ms * interval '1 ms')
from later
where b.gid = later.gid
  and b.branch_id = later.branch_id`;

/** Puts off the next question about each branch that is still in doubt. */
export async function askLater(sql: SqlSession, questions: readonly LaterQuestion[]): Promise<void> {
  await sql.execute(ASK_LATER, [
    questions.map(({ gid }) => gid),
    questions.map(({ branchId }) => branchId),
    questions.map(({ pauseMs }) => pauseMs),
    questions.map(({ trouble = null }) => trouble),
  ]);
}

function readDoubtful(service: string, row: SqlRow): DoubtfulBranch {
  const { trouble, timeout_ms: timeoutMs } = row;
  return {
    doubt: {
      gid: String(row['gid']),
      branchId: String(row['branch_id']),
      service,
      action: String(row['action']),
      kind: row['kind'] as BranchKind,
      nonce: String(row['nonce']),
      secretHash: String(row['secret_hash']),
      epoch: Number(row['epoch']),
      initiator: String(row['initiator']),
      overdueMs: Math.min(Math.max(0, Number(row['overdue_ms'])), OVERDUE_MAX_MS),
      ...(typeof timeoutMs === 'number' ? { timeoutMs } : {}),
      ...(typeof trouble === 'string' ? { trouble } : {}),
    },
    askCount: Number(row['ask_count']),
    refusedRound: Number(row['undo_round'] ?? 0),
    askAt: String(row['ask_at']),
  };
}
