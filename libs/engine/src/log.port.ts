import type { Json } from '@atone/core';

/** The format of rows that this version writes, and the highest that it reads. Higher ones are left alone, visibly. */
export const ROW_FORMAT = 1;

export type RowState = 'active' | 'running' | 'committing' | 'aborting' | 'committed' | 'aborted';

/** What is written once, when a transaction is accepted. */
export interface NewRow {
  readonly gid: string;
  /** `saga`: from a plan; `led`: its initiator calls the actions. */
  readonly kind: 'saga' | 'led';
  readonly name: string;
  readonly initiator?: string | undefined;
  readonly lane?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** The services of all branches, to search by. */
  readonly services: readonly string[];
  /** The owner: the instance that accepts it and drives it from here. */
  readonly owner: string;
  /** Counted from the log's now. */
  readonly deadlineInMs?: number | undefined;
  /** Plan, input and what else never changes. */
  readonly plan: Json;
  readonly progress: RowProgress;
  readonly idempotency?: { readonly key: string; readonly bodyHash: string } | undefined;
  /** The life of the log in which it may be inserted; any if absent. Only for `insertIfAbsent`. */
  readonly epoch?: number | undefined;
}

/** What changes in a row. Times of day are the log's; delays are counted from its now, whatever the instance believes. */
export interface RowProgress {
  readonly state: RowState;
  readonly stuckReason?: string | undefined;
  /** By the log's clock, in ms since 1970. */
  readonly stuckAt?: number | undefined;
  readonly isPaused: boolean;
  /** When an unowned row must be looked at; absent only in a finished one. */
  readonly dueInMs?: number | undefined;
  readonly document: Json;
}

/** The life of the log in which a row was written, told by the very statement that wrote it. */
interface InLife {
  /** 0 where nobody has counted it yet: an update that names this changes nothing. */
  readonly epoch: number;
}

export type AcceptOutcome =
  | ({ readonly outcome: 'accepted'; readonly acceptedAt: number } & InLife)
  /** The idempotency key belongs to an earlier transaction. Nothing was written. */
  | { readonly outcome: 'key-taken'; readonly gid: string; readonly bodyHash: string };

export type InsertOutcome =
  | ({ readonly outcome: 'inserted'; readonly acceptedAt: number } & InLife)
  /** The log holds the gid already, whatever its row says. Nothing was written. */
  | { readonly outcome: 'exists' }
  /** The log is in another life than the row is for, and does not hold the gid. Nothing was written. */
  | { readonly outcome: 'other-life' };

/** To which transaction, and to which body, an idempotency key belongs. */
export interface KeyHolder {
  readonly gid: string;
  readonly bodyHash: string;
}

/** What people find a transaction by. */
export interface RowTitle {
  readonly name: string;
  readonly lane?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

export interface RowUpdate {
  readonly gid: string;
  /** The update happens only if the row still has this version; the row then has the next one. */
  readonly version: number;
  readonly progress: RowProgress;
  /** The instance that goes on driving it; undefined gives it up: whoever finds it due may take it. */
  readonly owner?: string | undefined;
  /** The services of all branches, where there are other ones now. */
  readonly services?: readonly string[] | undefined;
  /** What it is called, where that is known better now. */
  readonly title?: RowTitle | undefined;
  /**
   * The life of the log in which the row was seen to have that version. In another one the update changes nothing: the commits
   * that led to the version may be lost, and another state may bear its number now.
   */
  readonly epoch: number;
}

/** A row as it is in the log. */
export interface StoredRow {
  readonly gid: string;
  readonly kind: string;
  readonly format: number;
  readonly version: number;
  readonly name: string;
  readonly initiator?: string | undefined;
  readonly lane?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly services: readonly string[];
  readonly state: RowState;
  readonly stuckReason?: string | undefined;
  readonly isPaused: boolean;
  readonly owner?: string | undefined;
  /** All times in ms since 1970 by the log's clock. */
  readonly acceptedAt: number;
  readonly deadlineAt?: number | undefined;
  readonly stuckAt?: number | undefined;
  readonly updatedAt: number;
  readonly finishedAt?: number | undefined;
  readonly plan: Json;
  readonly progress: Json;
}

/** A row that was taken over, and in which life of the log. */
export interface ClaimedRow extends StoredRow, InLife {
  /** Told by `claimDue`: whose the row was, whose lease is over. Absent where it was nobody's. */
  readonly formerOwner?: string | undefined;
}

export interface RowFilter {
  readonly state?: RowState | undefined;
  readonly outcome?: 'undecided' | 'committed' | 'aborted' | undefined;
  readonly isStuck?: boolean | undefined;
  readonly stuckReason?: string | undefined;
  readonly isPaused?: boolean | undefined;
  readonly name?: string | undefined;
  readonly service?: string | undefined;
  readonly tag?: { readonly name: string; readonly value: string } | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly acceptedFrom?: number | undefined;
  readonly acceptedTo?: number | undefined;
  /** Newest first; only rows older than this gid. */
  readonly afterGid?: string | undefined;
  readonly limit: number;
}

export interface RowCounts {
  /** Live ones all, finished ones of the last 24 hours. */
  readonly byState: Readonly<Record<RowState, number>>;
  readonly stuckByReason: Readonly<Record<string, number>>;
  readonly pausedCount: number;
  readonly oldestStuckAt?: number | undefined;
  /** Live ones of a format above `ROW_FORMAT`, which are in the other counts as well. */
  readonly unknownFormatCount: number;
}

/** What an instance tells others of itself. */
export interface InstanceFacts {
  readonly version: string;
  /** The highest format of rows that it reads. */
  readonly format: number;
  /** Where its API is reached. */
  readonly url?: string | undefined;
  /** What the names of its topics at Kafka begin with, or null where it has no Kafka. Absent where it does not tell. */
  readonly kafkaPrefix?: string | null | undefined;
  /** The partitions of the replies that it reads, where it takes part in Kafka. */
  readonly replyPartitions?: readonly number[] | undefined;
  /** Absent where it does its work. */
  readonly isStandby?: true | undefined;
}

export interface InstanceRow {
  readonly instanceId: string;
  readonly startedAt: number;
  readonly leaseUntil: number;
  readonly isLive: boolean;
  /** How many live rows it owns. */
  readonly drivenCount: number;
  /** Absent where a version runs that told nothing yet. */
  readonly facts?: InstanceFacts | undefined;
}

/** Who drives a transaction. */
export interface Drive {
  readonly gid: string;
  readonly instanceId: string;
  readonly facts?: InstanceFacts | undefined;
}

/** Whether a transaction that the log holds has ended. */
export interface LoggedEnding {
  readonly gid: string;
  /** How long ago by the log's clock; undefined while it is live. */
  readonly endedForMs: number | undefined;
}

/**
 * The log of global transactions: the only truth there is.
 *
 * Every promise settles after the commit. A rejected write may or may not have happened: its writer finds out by
 * reading the row again. Batches are atomic as a whole, and so rejected as a whole.
 */
export interface TransactionLog {
  /** Inserts rows at version 1; one answer for each, in order. */
  accept(rows: readonly NewRow[]): Promise<readonly AcceptOutcome[]>;

  /**
   * Inserts those rows whose gid the log does not hold, at version 1; one answer for each, in order. This is how a led
   * transaction is decided: of several who try, exactly one inserts. A row in an end state is finished at once. Nothing
   * here has an idempotency key. The life of the log is looked at in the same statement: who believed it to be in another
   * one writes nothing.
   */
  insertIfAbsent(rows: readonly NewRow[]): Promise<readonly InsertOutcome[]>;

  /**
   * Compare-and-set by version and by the life of the log. For each update: whether the log is in that life and the row
   * had the version, and now holds the change.
   */
  update(updates: readonly RowUpdate[]): Promise<readonly boolean[]>;

  /**
   * Takes over up to `limit` live rows that nobody drives: due rows without an owner, and rows whose owner has no
   * live lease. Each gets `instanceId` as owner and its version raised. Rows of an unknown format are left alone.
   */
  claimDue(instanceId: string, limit: number): Promise<readonly ClaimedRow[]>;

  /** Takes one live row over whoever drives it, for an act. Undefined when there is no such live row of a known format. */
  claim(instanceId: string, gid: string): Promise<ClaimedRow | undefined>;

  /**
   * Takes those of `gids` anew that `instanceId` owns: its live rows of a known format, in one statement. Rows that others are just at
   * may be left out.
   */
  claimOwn(instanceId: string, gids: readonly string[]): Promise<readonly ClaimedRow[]>;

  /** The live rows that `instanceId` owns, to find those whose claim or acceptance was done but never answered. */
  owned(instanceId: string): Promise<readonly string[]>;

  get(gid: string): Promise<StoredRow | undefined>;

  /** Returns those of `gids` that the log holds, in any order. */
  rows(gids: readonly string[]): Promise<readonly StoredRow[]>;

  /** Returns the transaction that an idempotency key belongs to, as long as the key is remembered. */
  findKey(key: string): Promise<KeyHolder | undefined>;

  /** Returns those of `gids` that have ended. */
  ended(gids: readonly string[]): Promise<readonly string[]>;

  /** Tells of each of `gids` that the log holds whether it has ended, and of the others nothing. */
  endings(gids: readonly string[]): Promise<readonly LoggedEnding[]>;

  list(filter: RowFilter): Promise<readonly StoredRow[]>;

  counts(): Promise<RowCounts>;

  /**
   * Proves that the instance lives for `leaseMs` from the log's now, and returns that now in ms since 1970. What it tells of
   * itself takes the place of what it told before; without `facts` that stays.
   */
  renewLease(instanceId: string, leaseMs: number, facts?: InstanceFacts): Promise<number>;

  /** Ends the lease of an instance that stops, so that its rows are taken over at once. */
  endLease(instanceId: string): Promise<void>;

  instances(): Promise<readonly InstanceRow[]>;

  /** Tells who drives those of `gids` that are live, and whose owner has a live lease; of the others nothing. */
  drives(gids: readonly string[]): Promise<readonly Drive[]>;

  /**
   * Returns the number of the log's present life. It rises when the database was restored or failed over, as far
   * as that can be seen, for what was committed last may be lost then.
   */
  epoch(): Promise<number>;
}
