/** One row, by column name. */
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlResult {
  readonly rows: readonly SqlRow[];
  /** How many rows a writing statement touched. */
  readonly affectedCount: number;
}

/** Runs statements inside one open transaction. */
export interface SqlSession {
  /** Runs one statement; `$1`, `$2` … in `text` stand for `params`. */
  execute(text: string, params?: readonly unknown[]): Promise<SqlResult>;
}

/** A transaction while it is open. */
export interface OpenTransaction<Transaction> {
  /** What a user's code writes through. */
  readonly transaction: Transaction;
  /** What the library writes through. */
  readonly sql: SqlSession;
  /**
   * Ends the use of `transaction`, while `sql` stays usable.
   *
   * A statement that nobody awaited could otherwise fail after the barrier's last word, and turn the commit into a
   * silent rollback.
   *
   * @throws MisuseError if a statement is still under way.
   */
  seal(): void;
}

/** A participant's own PostgreSQL database, whatever the library by which its code reaches it. */
export interface LocalDatabase<Transaction> {
  /** How many connections the pool may hold, where that is known. */
  readonly connectionCountMax?: number | undefined;
  /**
   * Runs `work` in a new transaction at READ COMMITTED, which commits when the promise is kept.
   *
   * @throws what `work` throws, after a rollback; or the commit's error, and then nobody knows whether it committed.
   */
  transaction<Result>(work: (open: OpenTransaction<Transaction>) => Promise<Result>): Promise<Result>;
  /**
   * Returns the session of a transaction that the caller holds open.
   *
   * @throws MisuseError if it is a root handle (a pool, a data source), which is no transaction.
   */
  session(transaction: Transaction): SqlSession;
}
