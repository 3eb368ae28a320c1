import { gidTimeMs } from '@atone/core';
import type { Clock } from '../clock.port.js';
import {
  ROW_FORMAT,
  type AcceptOutcome,
  type ClaimedRow,
  type Drive,
  type InsertOutcome,
  type InstanceFacts,
  type InstanceRow,
  type KeyHolder,
  type LoggedEnding,
  type NewRow,
  type RowCounts,
  type RowFilter,
  type RowState,
  type RowUpdate,
  type StoredRow,
  type TransactionLog,
} from '../log.port.js';
import { NoPlaceError } from './no-place.error.js';

const FINISHED: ReadonlySet<RowState> = new Set(['committed', 'aborted']);

interface Lease {
  readonly startedAt: number;
  readonly leaseUntil: number;
  readonly facts: InstanceFacts | undefined;
}

/** A row, with when it must be looked at. */
export interface MemoryRow extends StoredRow {
  readonly dueAt: number | undefined;
}

/**
 * The log without a database: the same promises as long as the process lives.
 *
 * It keeps what a database would give back: every document goes through JSON on its way in.
 */
export class MemoryLog implements TransactionLog {
  private readonly held = new Map<string, MemoryRow>();
  private readonly keys = new Map<string, KeyHolder>();
  private readonly leases = new Map<string, Lease>();

  /** What began earlier was dropped. */
  private beginsMs = 0;

  /** The life of the log; a test that raises it says that commits may have been lost. */
  life = 1;

  /** `onWrite` is called with each row that is written, before anybody hears of it. */
  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly onWrite: (row: MemoryRow) => void = () => undefined,
  ) {}

  async accept(rows: readonly NewRow[]): Promise<readonly AcceptOutcome[]> {
    checkBatch(rows);
    for (const { gid, idempotency } of rows) {
      const holder = idempotency && this.keys.get(idempotency.key);
      if (this.held.has(gid) && (holder === undefined || holder.gid === gid)) {
        throw new Error(`Transaction ${gid} is in the log already.`);
      }
    }
    return rows.map((row) => this.acceptOne(row));
  }

  async insertIfAbsent(rows: readonly NewRow[]): Promise<readonly InsertOutcome[]> {
    checkBatch(rows);
    this.checkPlace(rows);
    return rows.map((row) => {
      if (this.held.has(row.gid)) {
        return { outcome: 'exists' };
      }
      if (row.epoch !== undefined && row.epoch !== this.life) {
        return { outcome: 'other-life' };
      }
      return { outcome: 'inserted', acceptedAt: this.insert(row), epoch: this.life };
    });
  }

  async update(updates: readonly RowUpdate[]): Promise<readonly boolean[]> {
    checkBatch(updates);
    return updates.map((update) => this.updateOne(update));
  }

  async claimDue(instanceId: string, limit: number): Promise<readonly ClaimedRow[]> {
    const due = [...this.held.values()].filter((row) => this.isClaimable(row, instanceId)).slice(0, limit);
    return due.map((row) => ({ ...this.takeOver(row, instanceId), formerOwner: row.owner }));
  }

  async claim(instanceId: string, gid: string): Promise<ClaimedRow | undefined> {
    const row = this.held.get(gid);
    return row !== undefined && isLive(row) ? this.takeOver(row, instanceId) : undefined;
  }

  async claimOwn(instanceId: string, gids: readonly string[]): Promise<readonly ClaimedRow[]> {
    const rows = [...new Set(gids)].flatMap((gid) => this.held.get(gid) ?? []);
    return rows
      .filter((row) => row.owner === instanceId && isLive(row))
      .map((row) => this.takeOver(row, instanceId));
  }

  async owned(instanceId: string): Promise<readonly string[]> {
    return this.ownedBy(instanceId);
  }

  async get(gid: string): Promise<StoredRow | undefined> {
    const row = this.held.get(gid);
    return row === undefined ? undefined : copyOf(row);
  }

  async rows(gids: readonly string[]): Promise<readonly StoredRow[]> {
    return [...new Set(gids)].flatMap((gid) => {
      const row = this.held.get(gid);
      return row === undefined ? [] : [copyOf(row)];
    });
  }

  async findKey(key: string): Promise<KeyHolder | undefined> {
    return this.keys.get(key);
  }

  async ended(gids: readonly string[]): Promise<readonly string[]> {
    return gids.filter((gid) => this.held.get(gid)?.finishedAt !== undefined);
  }

  async endings(gids: readonly string[]): Promise<readonly LoggedEnding[]> {
    const now = this.clock.now();
    return [...new Set(gids)].flatMap((gid) => {
      const row = this.held.get(gid);
      const { finishedAt } = row ?? {};
      const endedForMs = finishedAt === undefined ? undefined : Math.max(0, now - finishedAt);
      return row === undefined ? [] : [{ gid, endedForMs }];
    });
  }

  async list(filter: RowFilter): Promise<readonly StoredRow[]> {
    const keyed = filter.idempotencyKey === undefined ? undefined : this.keys.get(filter.idempotencyKey)?.gid;
    return [...this.held.values()]
      .filter((row) => filter.idempotencyKey === undefined || row.gid === keyed)
      .filter((row) => matchesState(row, filter) && matchesSubject(row, filter) && matchesTime(row, filter))
      .toSorted((left, right) => (left.gid < right.gid ? 1 : -1))
      .slice(0, filter.limit)
      .map(copyOf);
  }

  async counts(): Promise<RowCounts> {
    const byState = { active: 0, running: 0, committing: 0, aborting: 0, committed: 0, aborted: 0 };
    const stuckByReason: Record<string, number> = {};
    let pausedCount = 0;
    let oldestStuckAt: number | undefined;
    let unknownFormatCount = 0;
    for (const row of this.held.values()) {
      byState[row.state] +=
        row.finishedAt !== undefined && row.finishedAt < this.clock.now() - 86_400_000 ? 0 : 1;
      pausedCount += row.isPaused ? 1 : 0;
      unknownFormatCount += row.format > ROW_FORMAT && row.finishedAt === undefined ? 1 : 0;
      if (row.stuckReason !== undefined) {
        stuckByReason[row.stuckReason] = (stuckByReason[row.stuckReason] ?? 0) + 1;
        oldestStuckAt = Math.min(oldestStuckAt ?? Number.POSITIVE_INFINITY, row.stuckAt ?? this.clock.now());
      }
    }
    return { byState, stuckByReason, pausedCount, oldestStuckAt, unknownFormatCount };
  }

  async renewLease(instanceId: string, leaseMs: number, facts?: InstanceFacts): Promise<number> {
    const now = this.clock.now();
    const former = this.leases.get(instanceId);
    this.leases.set(instanceId, {
      startedAt: former?.startedAt ?? now,
      leaseUntil: now + leaseMs,
      facts: facts === undefined ? former?.facts : through(facts),
    });
    return now;
  }

  async endLease(instanceId: string): Promise<void> {
    const lease = this.leases.get(instanceId);
    if (lease !== undefined) {
      this.leases.set(instanceId, { ...lease, leaseUntil: Math.min(lease.leaseUntil, this.clock.now()) });
    }
  }

  async instances(): Promise<readonly InstanceRow[]> {
    return [...this.leases].map(([instanceId, lease]) => ({
      instanceId,
      ...lease,
      isLive: this.hasLease(instanceId),
      drivenCount: this.ownedBy(instanceId).length,
    }));
  }

  async drives(gids: readonly string[]): Promise<readonly Drive[]> {
    return [...new Set(gids)].flatMap((gid) => {
      const { owner, finishedAt } = this.held.get(gid) ?? {};
      const isDriven = owner !== undefined && finishedAt === undefined && this.hasLease(owner);
      return isDriven ? [{ gid, instanceId: owner, facts: this.leases.get(owner)?.facts }] : [];
    });
  }

  async epoch(): Promise<number> {
    return this.life;
  }

  /** Puts a row in as some other version of the software would have left it. */
  plant(row: StoredRow & { readonly dueAt?: number | undefined }): void {
    this.write({ dueAt: this.clock.now(), ...row });
  }

  /**
   * Begins another life, without the last commits: with `rows` as they were, and without what was inserted since, and its
   * idempotency keys. Nobody is called.
   */
  failOver(rows: readonly MemoryRow[], inserted: ReadonlySet<string>): void {
    this.life += 1;
    for (const row of rows) {
      this.held.set(row.gid, row);
    }
    for (const gid of inserted) {
      this.held.delete(gid);
    }
    for (const [key, { gid }] of this.keys) {
      if (inserted.has(gid)) {
        this.keys.delete(key);
      }
    }
  }

  /** Drops rows, as retention does. What began before `beforeMs` has no place any more, unless it is here already. */
  drop(gids: readonly string[], beforeMs: number): void {
    this.beginsMs = Math.max(this.beginsMs, beforeMs);
    for (const gid of gids) {
      this.held.delete(gid);
    }
  }

  private checkPlace(rows: readonly NewRow[]): void {
    const stranger = rows.find(({ gid }) => gidTimeMs(gid) < this.beginsMs && !this.held.has(gid));
    if (stranger !== undefined) {
      throw new NoPlaceError(stranger.gid);
    }
  }

  private acceptOne(row: NewRow): AcceptOutcome {
    const { idempotency } = row;
    const taken = idempotency === undefined ? undefined : this.keys.get(idempotency.key);
    if (taken !== undefined) {
      return { outcome: 'key-taken', ...taken };
    }
    if (idempotency !== undefined) {
      this.keys.set(idempotency.key, { gid: row.gid, bodyHash: idempotency.bodyHash });
    }
    return { outcome: 'accepted', acceptedAt: this.insert(row), epoch: this.life };
  }

  /** Returns when it was accepted. */
  private insert(row: NewRow): number {
    const { idempotency: _key, epoch: _epoch, owner, plan, progress, deadlineInMs, ...rest } = row;
    const now = this.clock.now();
    this.write({
      ...rest,
      ...this.changed(progress),
      owner: FINISHED.has(progress.state) ? undefined : owner,
      plan: through(plan),
      format: ROW_FORMAT,
      version: 1,
      acceptedAt: now,
      deadlineAt: deadlineInMs === undefined ? undefined : now + deadlineInMs,
    });
    return now;
  }

  private updateOne(update: RowUpdate): boolean {
    const row = this.held.get(update.gid);
    if (row === undefined || row.version !== update.version || row.finishedAt !== undefined) {
      return false;
    }
    if (update.epoch !== this.life) {
      return false;
    }
    const version = row.version + 1;
    const { owner, services = row.services } = update;
    this.write({ ...row, ...this.changed(update.progress), ...update.title, owner, services, version });
    return true;
  }

  private changed(
    progress: NewRow['progress'],
  ): Pick<
    MemoryRow,
    'state' | 'stuckReason' | 'stuckAt' | 'isPaused' | 'dueAt' | 'updatedAt' | 'finishedAt' | 'progress'
  > {
    const now = this.clock.now();
    const { state, stuckReason, stuckAt, isPaused, dueInMs, document } = progress;
    return {
      state,
      stuckReason,
      stuckAt,
      isPaused,
      dueAt: dueInMs === undefined ? undefined : now + dueInMs,
      updatedAt: now,
      finishedAt: FINISHED.has(state) ? now : undefined,
      progress: through(document),
    };
  }

  private write(row: MemoryRow): void {
    this.held.set(row.gid, row);
    this.onWrite(row);
  }

  private isClaimable(row: MemoryRow, instanceId: string): boolean {
    if (!isLive(row) || row.owner === instanceId) {
      return false;
    }
    if (row.owner === undefined) {
      return row.dueAt !== undefined && row.dueAt <= this.clock.now();
    }
    return !this.hasLease(row.owner);
  }

  private hasLease(instanceId: string): boolean {
    return (this.leases.get(instanceId)?.leaseUntil ?? 0) > this.clock.now();
  }

  private ownedBy(instanceId: string): string[] {
    const rows = [...this.held.values()];
    return rows
      .filter((row) => row.owner === instanceId && row.finishedAt === undefined)
      .map((row) => row.gid);
  }

  private takeOver(row: MemoryRow, instanceId: string): ClaimedRow {
    const taken = { ...row, owner: instanceId, version: row.version + 1, updatedAt: this.clock.now() };
    this.write(taken);
    return { ...copyOf(taken), epoch: this.life };
  }
}

function isLive({ finishedAt, format }: StoredRow): boolean {
  return finishedAt === undefined && format <= ROW_FORMAT;
}

/** A batch is rejected as a whole: what may reject it is looked at before anything is written. */
function checkBatch(batch: readonly Pick<RowUpdate, 'gid' | 'progress'>[]): void {
  if (new Set(batch.map(({ gid }) => gid)).size < batch.length) {
    throw new Error('One batch names a transaction twice.');
  }
  for (const { state, dueInMs } of batch.map(({ progress }) => progress)) {
    if (FINISHED.has(state) !== (dueInMs === undefined)) {
      throw new Error(`A row that is ${state} must ${FINISHED.has(state) ? 'not ' : ''}have a due time.`);
    }
  }
}

function matchesState(row: StoredRow, filter: RowFilter): boolean {
  return (
    (filter.state === undefined || row.state === filter.state) &&
    (filter.outcome === undefined || outcomeOfRow(row.state) === filter.outcome) &&
    (filter.isStuck === undefined || (row.stuckReason !== undefined) === filter.isStuck) &&
    (filter.stuckReason === undefined || row.stuckReason === filter.stuckReason) &&
    (filter.isPaused === undefined || row.isPaused === filter.isPaused)
  );
}

function matchesSubject(row: StoredRow, filter: RowFilter): boolean {
  return (
    (filter.name === undefined || row.name === filter.name) &&
    (filter.service === undefined || row.services.includes(filter.service)) &&
    (filter.tag === undefined || row.tags[filter.tag.name] === filter.tag.value)
  );
}

function matchesTime(row: StoredRow, filter: RowFilter): boolean {
  const acceptedAt = gidTimeMs(row.gid);
  return (
    (filter.acceptedFrom === undefined || acceptedAt >= filter.acceptedFrom) &&
    (filter.acceptedTo === undefined || acceptedAt < filter.acceptedTo) &&
    (filter.afterGid === undefined || row.gid < filter.afterGid)
  );
}

function outcomeOfRow(state: RowState): 'undecided' | 'committed' | 'aborted' {
  if (state === 'active' || state === 'running') {
    return 'undecided';
  }
  return state === 'committing' || state === 'committed' ? 'committed' : 'aborted';
}

function copyOf({ dueAt: _dueAt, ...row }: MemoryRow): StoredRow {
  return { ...row, plan: through(row.plan), progress: through(row.progress) };
}

/** What JSON makes of a document: what undefined held is gone, and nothing is shared with the caller. */
function through<Document>(document: Document): Document {
  return JSON.parse(JSON.stringify(document)) as Document;
}
