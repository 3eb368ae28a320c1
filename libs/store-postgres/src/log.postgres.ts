import type {
  AcceptOutcome,
  ClaimedRow,
  Drive,
  InsertOutcome,
  InstanceFacts,
  InstanceRow,
  KeyHolder,
  LoggedEnding,
  NewRow,
  RowCounts,
  RowFilter,
  RowUpdate,
  StoredRow,
  TransactionLog,
} from '@atone/engine';
import type { DataSource } from 'typeorm';
import { acceptRows } from './accept.statement.js';
import {
  claimDueRows,
  claimOwnRows,
  claimRow,
  endedGids,
  findKeyHolder,
  getRow,
  getRows,
  ownedGids,
} from './claim.statement.js';
import { translating } from './cold.read.js';
import { countRows } from './counts.query.js';
import { drivesOf } from './drives.query.js';
import { endingsOf } from './endings.query.js';
import { readEpoch } from './epoch.statement.js';
import type { HotPool } from './hot.pool.js';
import { insertAbsentRows } from './insert.statement.js';
import { listInstances } from './instances.query.js';
import { deleteExpiredKeys } from './janitor.statement.js';
import { endLease, renewLease } from './lease.statement.js';
import { listRows } from './list.query.js';
import { updateRows } from './update.statement.js';

/**
 * The log of global transactions in PostgreSQL.
 *
 * What drives transactions goes through a few connections of its own, each call one statement and one commit; what
 * people look at goes through others, and is cut off after 5 s.
 *
 * Each method throws LogUnavailableError when the database cannot be reached or cannot answer now, DayOutOfRangeError
 * for a gid of a day that the log does not hold, and LogStatementError for whatever else the database refuses.
 */
export class PostgresLog implements TransactionLog {
  constructor(
    private readonly hot: HotPool,
    private readonly cold: DataSource,
  ) {}

  async accept(rows: readonly NewRow[]): Promise<readonly AcceptOutcome[]> {
    return rows.length === 0 ? [] : acceptRows(this.hot, rows);
  }

  async insertIfAbsent(rows: readonly NewRow[]): Promise<readonly InsertOutcome[]> {
    return rows.length === 0 ? [] : insertAbsentRows(this.hot, rows);
  }

  async update(updates: readonly RowUpdate[]): Promise<readonly boolean[]> {
    return updates.length === 0 ? [] : updateRows(this.hot, updates);
  }

  claimDue(instanceId: string, limit: number): Promise<readonly ClaimedRow[]> {
    return claimDueRows(this.hot, instanceId, limit);
  }

  claim(instanceId: string, gid: string): Promise<ClaimedRow | undefined> {
    return claimRow(this.hot, instanceId, gid);
  }

  async claimOwn(instanceId: string, gids: readonly string[]): Promise<readonly ClaimedRow[]> {
    return gids.length === 0 ? [] : claimOwnRows(this.hot, instanceId, gids);
  }

  owned(instanceId: string): Promise<readonly string[]> {
    return ownedGids(this.hot, instanceId);
  }

  get(gid: string): Promise<StoredRow | undefined> {
    return getRow(this.hot, gid);
  }

  async rows(gids: readonly string[]): Promise<readonly StoredRow[]> {
    return gids.length === 0 ? [] : getRows(this.hot, gids);
  }

  findKey(key: string): Promise<KeyHolder | undefined> {
    return findKeyHolder(this.hot, key);
  }

  ended(gids: readonly string[]): Promise<readonly string[]> {
    return endedGids(this.hot, gids);
  }

  async endings(gids: readonly string[]): Promise<readonly LoggedEnding[]> {
    return gids.length === 0 ? [] : endingsOf(this.hot, gids);
  }

  list(filter: RowFilter): Promise<readonly StoredRow[]> {
    return translating('list', listRows(this.cold, filter));
  }

  counts(): Promise<RowCounts> {
    return translating('counts', countRows(this.cold));
  }

  renewLease(instanceId: string, leaseMs: number, facts?: InstanceFacts): Promise<number> {
    return renewLease(this.hot, instanceId, { leaseMs, facts });
  }

  endLease(instanceId: string): Promise<void> {
    return endLease(this.hot, instanceId);
  }

  epoch(): Promise<number> {
    return readEpoch(this.hot);
  }

  async drives(gids: readonly string[]): Promise<readonly Drive[]> {
    return gids.length === 0 ? [] : drivesOf(this.hot, gids);
  }

  instances(): Promise<readonly InstanceRow[]> {
    return translating('instances', listInstances(this.cold));
  }

  /** Removes up to `limit` idempotency keys whose time is over, and returns how many it removed. */
  deleteExpiredKeys(limit: number): Promise<number> {
    return deleteExpiredKeys(this.hot, limit);
  }
}
