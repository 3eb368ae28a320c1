import type { Json } from '@atone/core';
import type { ParticipantClock } from '../clock.port.js';
import type { LocalDatabase, OpenTransaction, SqlSession } from '../database.port.js';
import { systemClock } from '../node/system-clock.js';
import { MisuseError } from '../participant.error.js';
import { MemoryLocks } from './memory.locks.js';
import { executeStatement, type BarrierColumns, type BarrierTable } from './memory.statements.js';

/** What a handler writes through: entries that commit, or go, with the barrier row. */
export interface MemoryTransaction {
  record(entry: Json): void;
}

/** A transaction that has committed: the barrier rows that it changed or removed, and its entries. */
export interface MemoryCommit {
  readonly rows: readonly MemoryRow[];
  readonly removed: readonly MemoryRow[];
  readonly entries: readonly Json[];
}

export interface MemoryRow {
  readonly gid: string;
  readonly branchId: string;
  readonly columns: BarrierColumns;
}

/** How a statement gets to the database, and its answer back. A test that loses or delays any of them has its own. */
export interface DatabaseLine {
  /** `execute` is what happens at the database; `what` is `begin`, `statement` or `commit`. */
  carry<Answer>(what: 'begin' | 'statement' | 'commit', execute: () => Promise<Answer>): Promise<Answer>;
}

const AT_ONCE: DatabaseLine = { carry: (_what, execute) => execute() };

/** A client's connections: all that it left open is rolled back when it goes. */
export interface MemoryConnection extends LocalDatabase<MemoryTransaction> {
  end(): void;
  /** Has the whole database go by `clock` from now on. */
  useClock(clock: Pick<ParticipantClock, 'now'>): void;
}

interface Session {
  readonly transactionId: string;
  readonly rows: Map<string, MemoryRow>;
  /** What it removed, by key. */
  readonly removed: Map<string, MemoryRow>;
  readonly entries: Json[];
  mark: string | undefined;
  isOpen: boolean;
}

/** No key of a row. */
const MARK = 'the mark';

/**
 * A participant's database without a server: the barrier's table with row locks at READ COMMITTED, and a list of
 * entries for the effects of handlers. It lives as long as the process, whoever connects and crashes.
 */
export class MemoryDatabase {
  private readonly rows = new Map<string, MemoryRow>();
  private readonly locks = new MemoryLocks();
  private readonly committed: Json[] = [];
  private committedMark: string | undefined;
  private transactionCount = 0;

  /** `onCommit` is called with each commit, before anybody hears of it; `clock` tells which rows are old. */
  constructor(
    private readonly onCommit: (commit: MemoryCommit) => void = () => undefined,
    private clock: Pick<ParticipantClock, 'now'> = systemClock,
  ) {}

  /** Returns what was recorded by transactions that have committed, in their order. */
  get entries(): readonly Json[] {
    return this.committed;
  }

  /** Returns the barrier row of a branch as it is committed. */
  row(gid: string, branchId: string): BarrierColumns | undefined {
    return this.rows.get(keyOf(gid, branchId))?.columns;
  }

  /** The greatest gid whose rows were removed. */
  get mark(): string | undefined {
    return this.committedMark;
  }

  connect(line: DatabaseLine = AT_ONCE): MemoryConnection {
    const sessions = new Set<Session>();
    const sessionOf = new WeakMap<MemoryTransaction, SqlSession>();
    return {
      transaction: async (work) => {
        const session = await line.carry('begin', async () => this.begin(sessions));
        const open = this.open(session, line);
        sessionOf.set(open.transaction, open.sql);
        try {
          const result = await work(open);
          await line.carry('commit', async () => this.commit(session));
          return result;
        } finally {
          this.rollBack(session);
          sessions.delete(session);
        }
      },
      session: (transaction) => {
        const session = sessionOf.get(transaction);
        if (session === undefined) {
          throw new MisuseError('This is no transaction of this connection. Pass branch.transaction.');
        }
        return session;
      },
      useClock: (clock) => {
        this.clock = clock;
      },
      end: () => {
        for (const session of sessions) {
          this.rollBack(session);
        }
        sessions.clear();
      },
    };
  }

  private begin(sessions: Set<Session>): Session {
    this.transactionCount += 1;
    const session = {
      transactionId: String(this.transactionCount),
      rows: new Map(),
      removed: new Map(),
      entries: [],
      mark: undefined,
      isOpen: true,
    };
    sessions.add(session);
    return session;
  }

  private open(session: Session, line: DatabaseLine): OpenTransaction<MemoryTransaction> {
    const table = this.tableOf(session);
    let isSealed = false;
    return {
      transaction: {
        record: (entry) => {
          if (isSealed) {
            throw new MisuseError(
              'The transaction of this branch has ended: an entry came after its handler.',
            );
          }
          session.entries.push(entry);
        },
      },
      sql: {
        execute: (text, params = []) =>
          line.carry('statement', async () => {
            throwIfClosed(session);
            return executeStatement(table, text, params);
          }),
      },
      seal: () => {
        isSealed = true;
      },
    };
  }

  private tableOf(session: Session): BarrierTable {
    const current = (key: string): MemoryRow | undefined =>
      session.removed.has(key) ? undefined : (session.rows.get(key) ?? this.rows.get(key));
    return {
      transactionId: session.transactionId,
      lock: async (gid, branchId) => {
        const key = keyOf(gid, branchId);
        await this.takeLock(session, key);
        const row = current(key);
        if (row === undefined) {
          this.locks.release(key);
        }
        return row?.columns;
      },
      insert: async (gid, branchId, columns) => {
        const key = keyOf(gid, branchId);
        const wasHeld = this.locks.isHeldBy(key, session);
        await this.takeLock(session, key);
        if (current(key) === undefined) {
          session.rows.set(key, { gid, branchId, columns });
          return true;
        }
        if (!wasHeld) {
          // `on conflict do nothing` waits for the other, and locks nothing.
          this.locks.release(key);
        }
        return false;
      },
      replace: (gid, branchId, columns) => {
        session.rows.set(keyOf(gid, branchId), { gid, branchId, columns });
      },
      ...this.removalOf(session),
      ...this.doubtOf(session),
    };
  }

  /** What a removal needs. Nothing else of its transaction touches a row. */
  private removalOf(
    session: Session,
  ): Pick<BarrierTable, 'now' | 'services' | 'remove' | 'mark' | 'raiseMark'> {
    return {
      now: () => this.clock.now(),
      services: () =>
        [...this.rows.values()]
          .map(({ gid, columns }) => ({ gid, service: columns['service'] }))
          .toSorted((left, right) => (left.gid < right.gid ? -1 : 1)),
      remove: (service, gid) => {
        const removable = this.rowsOf(service).filter(
          (row) =>
            row.gid === gid &&
            row.columns['doubt_at'] === null &&
            this.locks.takeIfFree(keyOf(gid, row.branchId), session),
        );
        for (const row of removable) {
          session.removed.set(keyOf(gid, row.branchId), row);
        }
        return removable.length;
      },
      mark: () => greatest(session.mark, this.committedMark),
      raiseMark: async (gid) => {
        await this.takeLock(session, MARK);
        session.mark = greatest(session.mark, gid);
      },
    };
  }

  /** What a question about branches in doubt needs. */
  private doubtOf(session: Session): Pick<BarrierTable, 'inDoubt' | 'replaceIfFree'> {
    return {
      inDoubt: () => [...this.rows.values()].filter(({ columns }) => columns['doubt_at'] !== null),
      replaceIfFree: (gid, branchId, change) => {
        const key = keyOf(gid, branchId);
        const columns = this.rows.get(key)?.columns;
        const isInDoubt = columns !== undefined && columns['doubt_at'] !== null;
        if (isInDoubt && this.locks.takeIfFree(key, session)) {
          session.rows.set(key, { gid, branchId, columns: change(columns) });
        }
      },
    };
  }

  private rowsOf(service: string): readonly MemoryRow[] {
    return [...this.rows.values()].filter(({ columns }) => columns['service'] === service);
  }

  private async takeLock(session: Session, key: string): Promise<void> {
    await this.locks.take(key, session);
    // Granted or not: a session that ended meanwhile has given back what it held, and must not do so once more.
    throwIfClosed(session);
  }

  private commit(session: Session): void {
    throwIfClosed(session);
    for (const [key, row] of session.rows) {
      this.rows.set(key, row);
    }
    for (const key of session.removed.keys()) {
      this.rows.delete(key);
    }
    this.committedMark = greatest(this.committedMark, session.mark);
    this.committed.push(...session.entries);
    const [rows, removed] = [[...session.rows.values()], [...session.removed.values()]];
    this.onCommit({ rows, removed, entries: session.entries });
    this.rollBack(session);
  }

  /** Ends the session; what it has not committed is gone. */
  private rollBack(session: Session): void {
    session.isOpen = false;
    this.locks.releaseAll(session);
  }
}

function throwIfClosed(session: Session): void {
  if (!session.isOpen) {
    throw new Error('The connection to the database was lost.');
  }
}

function greatest(left: string | undefined, right: string | undefined): string | undefined {
  return left === undefined || (right !== undefined && right > left) ? right : left;
}

function keyOf(gid: string, branchId: string): string {
  return `${gid} ${branchId}`;
}
