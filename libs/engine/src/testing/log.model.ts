import {
  ROW_FORMAT,
  type AcceptOutcome,
  type ClaimedRow,
  type Drive,
  type InstanceFacts,
  type InstanceRow,
  type KeyHolder,
  type NewRow,
  type RowFilter,
  type RowProgress,
  type RowState,
  type RowUpdate,
  type StoredRow,
} from '../log.port.js';

/** Counted from the beginning of a run; so are all instants of a model. */
type RunMs = number;

interface Lease {
  readonly startedAt: RunMs;
  readonly leaseUntil: RunMs;
  readonly facts: InstanceFacts | undefined;
}

interface ModelRow {
  readonly given: NewRow;
  readonly format: number;
  readonly version: number;
  readonly owner: string | undefined;
  readonly progress: RowProgress;
  readonly acceptedAt: RunMs;
  readonly writtenAt: RunMs;
  readonly updatedAt: RunMs;
}

const STATES_OF_OUTCOME: Readonly<Record<NonNullable<RowFilter['outcome']>, readonly RowState[]>> = {
  undecided: ['active', 'running'],
  committed: ['committing', 'committed'],
  aborted: ['aborting', 'aborted'],
};

/** What a log must answer, told from the port alone: maps of what was written, and a time that only a run moves. */
export class LogModel {
  nowMs: RunMs = 0;
  /** The life of the log. */
  epoch = 0;
  private rows = new Map<string, ModelRow>();
  private keys = new Map<string, KeyHolder>();
  private leases = new Map<string, Lease>();

  /** Takes over what `other` knows. */
  become(other: LogModel): this {
    this.nowMs = other.nowMs;
    this.epoch = other.epoch;
    this.rows = new Map(other.rows);
    this.keys = new Map(other.keys);
    this.leases = new Map(other.leases);
    return this;
  }

  copy(): LogModel {
    return new LogModel().become(this);
  }

  /** All gids there are, the oldest first. */
  get gids(): readonly string[] {
    return [...this.rows.keys()].toSorted();
  }

  versionOf(gid: string): number {
    return this.rows.get(gid)?.version ?? 0;
  }

  accept(rows: readonly NewRow[], format = ROW_FORMAT): readonly AcceptOutcome[] {
    return rows.map((row) => this.acceptOne(row, format));
  }

  update(updates: readonly RowUpdate[]): readonly boolean[] {
    return updates.map(({ gid, version, epoch, progress, owner }) => {
      const row = this.rows.get(gid);
      if (row === undefined || row.version !== version || epoch !== this.epoch || hasEnded(row)) {
        return false;
      }
      const changed = { owner, progress, version: version + 1, writtenAt: this.nowMs, updatedAt: this.nowMs };
      this.rows.set(gid, { ...row, ...changed });
      return true;
    });
  }

  /** Returns the gids that `claimDue` may choose from. */
  claimable(instanceId: string): readonly string[] {
    return this.gids.filter((gid) => {
      const row = this.rows.get(gid);
      if (row === undefined || !isLiveAndKnown(row) || row.owner === instanceId) {
        return false;
      }
      return row.owner === undefined
        ? row.writtenAt + (row.progress.dueInMs ?? 0) <= this.nowMs
        : !this.hasLease(row.owner);
    });
  }

  /** Returns the row as it is after `instanceId` took it over; undefined if nobody may. */
  takeOver(instanceId: string, gid: string): ClaimedRow | undefined {
    const row = this.rows.get(gid);
    if (row === undefined || !isLiveAndKnown(row)) {
      return undefined;
    }
    const taken = { ...row, owner: instanceId, version: row.version + 1, updatedAt: this.nowMs };
    this.rows.set(gid, taken);
    return { ...storedRow(taken), epoch: this.epoch };
  }

  owned(instanceId: string): readonly string[] {
    return this.live()
      .filter((row) => row.owner === instanceId)
      .map(({ given }) => given.gid);
  }

  /** Those of `gids` that may be taken anew. */
  ownedOf(instanceId: string, gids: readonly string[]): readonly string[] {
    return this.owned(instanceId).filter((gid) => {
      const row = this.rows.get(gid);
      return gids.includes(gid) && row !== undefined && isLiveAndKnown(row);
    });
  }

  get(gid: string): StoredRow | undefined {
    const row = this.rows.get(gid);
    return row && storedRow(row);
  }

  findKey(key: string): KeyHolder | undefined {
    return this.keys.get(key);
  }

  ended(gids: readonly string[]): readonly string[] {
    return gids.filter((gid) => this.get(gid)?.finishedAt !== undefined);
  }

  /** Returns those of `gids` that there are. */
  endings(gids: readonly string[]): readonly Pick<StoredRow, 'gid' | 'finishedAt'>[] {
    const rows = gids.map((gid) => this.get(gid)).filter((row) => row !== undefined);
    return rows.map(({ gid, finishedAt }) => ({ gid, finishedAt }));
  }

  list(filter: RowFilter): readonly StoredRow[] {
    const keyGid = filter.idempotencyKey && this.keys.get(filter.idempotencyKey)?.gid;
    return this.gids
      .toReversed()
      .map((gid) => this.get(gid))
      .filter((row) => row !== undefined)
      .filter((row) => filter.idempotencyKey === undefined || row.gid === keyGid)
      .filter((row) => isInState(row, filter) && isAbout(row, filter) && isOfTime(row, filter))
      .slice(0, filter.limit);
  }

  /** How many live rows there are of each state. */
  liveCounts(): Readonly<Partial<Record<RowState, number>>> {
    return tally(this.live().map(({ progress }) => progress.state));
  }

  /** How many rows came to this end less than `ageMs` ago. */
  finishedCount(state: RowState, ageMs: number): number {
    const rows = [...this.rows.values()].filter(({ progress }) => progress.state === state);
    return rows.filter(({ updatedAt }) => this.nowMs - updatedAt < ageMs).length;
  }

  attention(): {
    readonly stuckByReason: Readonly<Record<string, number>>;
    readonly pausedCount: number;
    readonly oldestStuckAt: number | undefined;
    readonly unknownFormatCount: number;
  } {
    const live = this.live().map((row) => row.progress);
    const instants = live.map(({ stuckAt }) => stuckAt).filter((instant) => instant !== undefined);
    return {
      stuckByReason: tally(
        live.map(({ stuckReason }) => stuckReason).filter((reason) => reason !== undefined),
      ),
      pausedCount: live.filter(({ isPaused }) => isPaused).length,
      oldestStuckAt: instants.length === 0 ? undefined : Math.min(...instants),
      unknownFormatCount: this.live().filter(({ format }) => format > ROW_FORMAT).length,
    };
  }

  renewLease(instanceId: string, leaseMs: number, told?: InstanceFacts): void {
    const { startedAt = this.nowMs, facts } = this.leases.get(instanceId) ?? {};
    this.leases.set(instanceId, { startedAt, leaseUntil: this.nowMs + leaseMs, facts: told ?? facts });
  }

  endLease(instanceId: string): void {
    const lease = this.leases.get(instanceId);
    if (lease !== undefined && lease.leaseUntil > this.nowMs) {
      this.leases.set(instanceId, { ...lease, leaseUntil: this.nowMs });
    }
  }

  instances(): readonly InstanceRow[] {
    return [...this.leases].map(([instanceId, lease]) => ({
      instanceId,
      ...lease,
      isLive: this.hasLease(instanceId),
      drivenCount: this.owned(instanceId).length,
    }));
  }

  drives(gids: readonly string[]): readonly Drive[] {
    const wanted = this.live().filter(({ given }) => gids.includes(given.gid));
    return wanted.flatMap(({ given: { gid }, owner }) =>
      owner !== undefined && this.hasLease(owner)
        ? [{ gid, instanceId: owner, facts: this.leases.get(owner)?.facts }]
        : [],
    );
  }

  private acceptOne(row: NewRow, format: number): AcceptOutcome {
    const { idempotency, owner, progress, gid } = row;
    const holder = idempotency && this.keys.get(idempotency.key);
    if (holder !== undefined) {
      return { outcome: 'key-taken', ...holder };
    }
    if (idempotency !== undefined) {
      this.keys.set(idempotency.key, { gid, bodyHash: idempotency.bodyHash });
    }
    const now = this.nowMs;
    const instants = { acceptedAt: now, writtenAt: now, updatedAt: now };
    this.rows.set(gid, { given: row, format, version: 1, owner, progress, ...instants });
    return { outcome: 'accepted', acceptedAt: now, epoch: this.epoch };
  }

  private live(): readonly ModelRow[] {
    return [...this.rows.values()].filter((row) => !hasEnded(row));
  }

  private hasLease(instanceId: string): boolean {
    const lease = this.leases.get(instanceId);
    return lease !== undefined && lease.leaseUntil > this.nowMs;
  }
}

function hasEnded({ progress }: ModelRow): boolean {
  return progress.state === 'committed' || progress.state === 'aborted';
}

function isLiveAndKnown(row: ModelRow): boolean {
  return !hasEnded(row) && row.format <= ROW_FORMAT;
}

function storedRow(row: ModelRow): StoredRow {
  const { given, progress, acceptedAt, updatedAt } = row;
  const { state, stuckReason, stuckAt, isPaused, document } = progress;
  return {
    ...givenOnce(given),
    format: row.format,
    version: row.version,
    owner: row.owner,
    state,
    stuckReason,
    stuckAt,
    isPaused,
    progress: document,
    acceptedAt,
    updatedAt,
    deadlineAt: given.deadlineInMs === undefined ? undefined : acceptedAt + given.deadlineInMs,
    finishedAt: hasEnded(row) ? updatedAt : undefined,
  };
}

/** What a row was given once, and keeps. */
function givenOnce({
  gid,
  kind,
  name,
  initiator,
  lane,
  tags,
  services,
  plan,
}: NewRow): Pick<NewRow, 'gid' | 'kind' | 'name' | 'initiator' | 'lane' | 'tags' | 'services' | 'plan'> {
  return { gid, kind, name, initiator, lane, tags, services, plan };
}

function isInState(row: StoredRow, { state, outcome, isStuck, stuckReason, isPaused }: RowFilter): boolean {
  return (
    (state === undefined || row.state === state) &&
    (outcome === undefined || STATES_OF_OUTCOME[outcome].includes(row.state)) &&
    (isStuck === undefined || isStuck === (row.stuckReason !== undefined)) &&
    (stuckReason === undefined || row.stuckReason === stuckReason) &&
    (isPaused === undefined || row.isPaused === isPaused)
  );
}

function isAbout(row: StoredRow, { name, service, tag }: RowFilter): boolean {
  return (
    (name === undefined || row.name === name) &&
    (service === undefined || row.services.includes(service)) &&
    (tag === undefined || row.tags[tag.name] === tag.value)
  );
}

function isOfTime(row: StoredRow, { acceptedFrom, acceptedTo, afterGid }: RowFilter): boolean {
  return (
    (acceptedFrom === undefined || row.acceptedAt >= acceptedFrom) &&
    (acceptedTo === undefined || row.acceptedAt < acceptedTo) &&
    (afterGid === undefined || row.gid < afterGid)
  );
}

function tally<Name extends string>(names: readonly Name[]): Record<Name, number> {
  const counts = {} as Record<Name, number>;
  for (const name of names) {
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
