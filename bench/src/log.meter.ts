import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';

/** What the coordinator's log has cost so far. */
export interface LogReading {
  /** Commits in its database, reads included. */
  readonly commits: number;
  /** Rows of global transactions that were inserted, and updates of them. */
  readonly inserted: number;
  readonly updated: number;
  /** What the server has written to its WAL, in bytes. */
  readonly wal: number;
}

const READ = `
select
  (select xact_commit from pg_stat_database where datname = current_database())::float8 as commits,
  pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal,
  sum(s.n_tup_ins)::float8 as inserted,
  sum(s.n_tup_upd)::float8 as updated
from pg_partition_tree('atone.global_transaction') as p
join pg_stat_user_tables as s on s.relid = p.relid
where p.isleaf`;

/** A row is inserted with version 1, and each update counts one up. */
const WRITTEN = `
select count(*)::float8 as inserted, coalesce(sum(version - 1), 0)::float8 as updated
from atone.global_transaction`;

const LIVE = `
select count(*)::float8 as live, count(stuck_at)::float8 as stuck
from atone.global_transaction
where finished_at is null`;

/** A busy session tells of what it did about once a second; one that has fallen idle, after ten at the latest. */
const TOLD_SOON_MS = 1_500;
const TOLD_WITHIN_MS = 12_000;
const TOLD_POLL_MS = 500;
const LIVE_POLL_MS = 50;

/** Reads what the log's server tells of its own work. */
export class LogMeter {
  constructor(private readonly database: pg.Client) {}

  /** Resolves when no global transaction is under way. @throws when one is stuck, for it would never end. */
  async untilEnded(): Promise<void> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      const { live, stuck } = await this.one<{ live: number; stuck: number }>(LIVE);
      if (stuck > 0) {
        throw new Error(`${stuck} transactions are stuck.`);
      }
      if (live === 0) {
        return;
      }
      // oxlint-disable-next-line no-await-in-loop
      await pause(LIVE_POLL_MS);
    }
  }

  /** Returns what it cost until now: what a session did reaches the counters with a delay, and is waited for. */
  async read(): Promise<LogReading> {
    const written = await this.one<{ inserted: number; updated: number }>(WRITTEN);
    await pause(TOLD_SOON_MS);
    for (let waitedMs = TOLD_SOON_MS; ; waitedMs += TOLD_POLL_MS) {
      // oxlint-disable-next-line no-await-in-loop -- see above
      const told = await this.one<LogReading>(READ);
      if (
        waitedMs >= TOLD_WITHIN_MS ||
        (told.inserted >= written.inserted && told.updated >= written.updated)
      ) {
        return told;
      }
      // oxlint-disable-next-line no-await-in-loop
      await pause(TOLD_POLL_MS);
    }
  }

  private async one<Row>(statement: string): Promise<Row> {
    const { rows } = await this.database.query(statement);
    return rows[0] as Row;
  }
}
