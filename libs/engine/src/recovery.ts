import type { Catalogue } from './catalogue.js';
import type { Clock, Timer } from './clock.port.js';
import { reached } from './failpoints.js';
import type { ClaimedRow, InstanceFacts, TransactionLog } from './log.port.js';
import type { EngineLogger } from './logger.port.js';

interface RecoveryPorts {
  readonly log: TransactionLog;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly logger: EngineLogger;
}

interface RecoveryOptions {
  readonly instanceId: string;
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  readonly recoverEveryMs: number;
  readonly orphanEveryMs: number;
  readonly claimCountMax: number;
  readonly facts?: (() => InstanceFacts) | undefined;
  readonly standby?: (() => string | undefined) | undefined;
}

interface RecoveryHost {
  /** How many more transactions may be taken. */
  room(): number;
  isKnown(gid: string): boolean;
  /** Takes over one row. What it throws concerns that row alone. */
  take(row: ClaimedRow): void;
  /** The log is in another life than it was: what began in a former one is to be forgotten. */
  forgetOthers(epoch: number): void;
  /** Others are to go on with all that is driven here. */
  forgetAll(): void;
  progress(): void;
}

/** A pass that went well counts this long as proof that work is being taken. */
const PROOF_MS = 10_000;

/** What changes often, as in a rebalance, is told once. */
const TELL_AFTER_MS = 100;

const AFTER_A_RESTORE =
  'Decisions of the former life may be lost. See "The log was restored" in docs/led-transactions.md, and ' +
  'GET /v1/transactions?stuckReason=log-restored.';

/** Twice 10 s: as long as a statement may take at the log. */
const FURTHER_LOOK_COUNT = 2;

/**
 * Keeps the lease, and takes what is due or was left behind: a loop for as long as the instance lives, in which an error
 * delays what it concerns and nothing else.
 */
export class Recovery {
  private readonly timers = new Map<string, Timer>();
  private isStarted = false;
  private isStopped = false;
  private leaseRenewedAt = Number.NEGATIVE_INFINITY;
  private lastEpoch: number | undefined;
  private passedAt = Number.NEGATIVE_INFINITY;
  private isLookDue = false;
  /** How many more looks a suspicion calls for: the database may carry out a statement long after it gave no answer. */
  private furtherLookCount = 0;
  /** Own rows that had no driver at the last look; those that have none at the next one are orphans. */
  private suspects: ReadonlySet<string> = new Set();
  /** Those whose driver has let go of them: if they are ours, they are orphans at once. */
  private readonly lost = new Set<string>();
  /** The life of the log that was looked through. In a later one each own row without a driver is an orphan. */
  private knownLife: number | undefined;
  /** Since the last look: then each own row without a driver is an orphan as well. */
  private hasStoodBy = false;

  constructor(
    private readonly ports: RecoveryPorts,
    private readonly options: RecoveryOptions,
    private readonly host: RecoveryHost,
  ) {}

  async start(): Promise<void> {
    await this.renew();
    this.isStarted = true;
    await this.ports.catalogue.refresh();
    this.lookIn(this.options.orphanEveryMs);
    this.every('renew', this.options.renewEveryMs, async () => this.renew());
    this.every('recover', this.options.recoverEveryMs, async () => this.recover());
    this.every('catalogue', this.options.renewEveryMs, async () => this.ports.catalogue.refresh());
    await this.recover();
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers.values()) {
      timer.cancel();
    }
  }

  /** Ends the lease, so that others need not wait for it to run out. */
  async leave(): Promise<void> {
    try {
      await this.ports.log.endLease(this.options.instanceId);
    } catch (error) {
      this.ports.logger.warn({ error }, 'lease not ended');
    }
  }

  /** The life of the log, as it was told last; undefined before that. */
  get epoch(): number | undefined {
    return this.lastEpoch;
  }

  isTakingWork(): boolean {
    const now = this.ports.clock.now();
    return !this.isStopped && now - this.passedAt < PROOF_MS && now - this.leaseRenewedAt < PROOF_MS;
  }

  /** Has the next passes look for own rows that nobody drives, `gid` or any: a write was done whose answer never came. */
  suspectOrphans(gid?: string): void {
    if (gid !== undefined) {
      this.lost.add(gid);
    }
    this.isLookDue = true;
    this.furtherLookCount = FURTHER_LOOK_COUNT;
  }

  /** Renews the lease in a moment, and not only when it is time: there is something to tell. */
  renewSoon(): void {
    if (!this.isStarted || this.isStopped || this.timers.has('tell')) {
      return;
    }
    const timer = this.ports.clock.setTimer(TELL_AFTER_MS, () => {
      this.timers.delete('tell');
      void this.renew().catch((error: unknown) => {
        // The next renewal tells it.
        this.ports.logger.warn({ error, loop: 'tell' }, 'recovery pass failed');
      });
    });
    this.timers.set('tell', timer);
  }

  private async renew(): Promise<void> {
    if (this.isStandby && (await this.handOver())) {
      return;
    }
    const { instanceId, leaseMs, facts } = this.options;
    const logNow = await this.ports.log.renewLease(instanceId, leaseMs, facts?.());
    this.ports.clock.synchronize(logNow);
    this.leaseRenewedAt = this.ports.clock.now();
    const epoch = await this.ports.log.epoch();
    const from = this.lastEpoch;
    this.lastEpoch = epoch;
    this.knownLife ??= epoch;
    if (from !== undefined && from !== epoch) {
      this.ports.logger.warn({ from, to: epoch, remedy: AFTER_A_RESTORE }, 'the log is in a new life');
      this.beginLife(epoch);
    }
  }

  private get isStandby(): boolean {
    return this.options.standby?.() !== undefined;
  }

  /**
   * Ends the lease for as long as the log has any row of this instance, so that others take it at once; tells whether it does. To be
   * asked again and again: a submission or an act that had come in before may leave one later.
   */
  private async handOver(): Promise<boolean> {
    const { instanceId } = this.options;
    this.hasStoodBy = true;
    this.host.forgetAll();
    const owned = await this.ports.log.owned(instanceId);
    if (owned.length > 0) {
      await this.ports.log.endLease(instanceId);
    }
    return owned.length > 0;
  }

  /** Whatever is driven here may have another row by now, and what is ours may have no driver: all is read anew. */
  private beginLife(epoch: number): void {
    this.host.forgetOthers(epoch);
    this.suspectOrphans();
  }

  private async recover(): Promise<void> {
    await reached('engine.recover.beforeClaim');
    const hadRoom = this.host.room() > 0;
    if (!this.isStandby) {
      await this.takeWork();
    }
    this.host.progress();
    this.prove(hadRoom);
  }

  /** A pass that may not take anything proves nothing about taking work. */
  private prove(hadRoom: boolean): void {
    if (hadRoom) {
      this.passedAt = this.ports.clock.now();
    }
  }

  private async takeWork(): Promise<void> {
    await this.claimAll();
    if (this.isLookDue || this.hasStoodBy) {
      await this.lookForOrphans();
    }
  }

  private async claimAll(): Promise<void> {
    const counts = new Map<string, number>();
    try {
      await this.claimBatches(({ formerOwner: from }) => {
        if (from !== undefined) {
          counts.set(from, (counts.get(from) ?? 0) + 1);
        }
      });
    } finally {
      counts.forEach((count, from) => this.ports.logger.info({ from, count }, 'took over transactions'));
    }
  }

  private async claimBatches(onClaim: (row: ClaimedRow) => void): Promise<void> {
    for (let room = this.host.room(); room > 0 && !this.isStopped; room = this.host.room()) {
      const limit = Math.min(room, this.options.claimCountMax);
      // oxlint-disable-next-line no-await-in-loop -- the next batch is wanted only if this one was full.
      const rows = await this.claim(limit);
      for (const row of rows) {
        onClaim(row);
        this.take(row);
      }
      if (rows.length < limit) {
        return;
      }
    }
  }

  private async claim(limit: number): Promise<readonly ClaimedRow[]> {
    try {
      return await this.ports.log.claimDue(this.options.instanceId, limit);
    } catch (error) {
      this.suspectOrphans();
      throw error;
    }
  }

  private take(row: ClaimedRow): void {
    try {
      this.host.take(row);
    } catch (error) {
      this.ports.logger.error({ gid: row.gid, error }, 'take-over failed');
    }
  }

  private async lookForOrphans(): Promise<void> {
    // Before the look: a suspicion that comes up meanwhile calls for another one.
    this.isLookDue = false;
    try {
      await this.adoptOrphans();
    } catch (error) {
      this.suspectOrphans();
      throw error;
    }
    const isSuspicious = this.suspects.size > 0 || this.furtherLookCount > 0;
    this.furtherLookCount = Math.max(0, this.furtherLookCount - 1);
    this.lookIn(isSuspicious ? PROOF_MS : this.options.orphanEveryMs);
  }

  /** By a timer and not by the time of day: a log whose clock is set back must not put the look off. */
  private lookIn(delayMs: number): void {
    if (this.isStopped) {
      return;
    }
    this.timers.get('orphans')?.cancel();
    const timer = this.ports.clock.setTimer(delayMs, () => {
      this.isLookDue = true;
    });
    this.timers.set('orphans', timer);
  }

  private async adoptOrphans(): Promise<void> {
    const life = this.lastEpoch;
    const areAllOrphans = this.knownLife !== life || this.hasStoodBy;
    this.hasStoodBy = false;
    const lost = new Set(this.lost);
    const owned = await this.ports.log.owned(this.options.instanceId);
    const driverless = owned.filter((gid) => !this.host.isKnown(gid));
    const orphans = driverless.filter((gid) => areAllOrphans || lost.has(gid) || this.suspects.has(gid));
    const adopted = await this.adopt(orphans);
    this.suspects = new Set(driverless.filter((gid) => !adopted.has(gid)));
    this.knownLife = life;
    for (const gid of lost) {
      this.lost.delete(gid);
    }
  }

  /**
   * Returns those that were taken. They are as many as this instance drives when the log begins a new life; what others have left behind
   * is taken meanwhile, too.
   */
  private async adopt(orphans: readonly string[]): Promise<ReadonlySet<string>> {
    const { instanceId, claimCountMax } = this.options;
    const adopted = new Set<string>();
    for (let from = 0; from < orphans.length && !this.isStopped; from += claimCountMax) {
      // What got a driver since the look is no orphan.
      const batch = orphans.slice(from, from + claimCountMax).filter((gid) => !this.host.isKnown(gid));
      // oxlint-disable-next-line no-await-in-loop -- one batch at a time is gentle.
      for (const row of await this.ports.log.claimOwn(instanceId, batch)) {
        adopted.add(row.gid);
        this.take(row);
      }
      const hasRoom = this.host.room() > 0;
      // oxlint-disable-next-line no-await-in-loop -- as above.
      await this.claimAll();
      this.prove(hasRoom);
    }
    return adopted;
  }

  /** Repeats `work`, whatever becomes of it: a loop that an error could end would strand everything after it. */
  private every(name: string, pauseMs: number, work: () => Promise<void>): void {
    if (this.isStopped) {
      return;
    }
    const timer = this.ports.clock.setTimer(pauseMs, () => {
      void work()
        .catch((error: unknown) => {
          this.ports.logger.warn({ error, loop: name }, 'recovery pass failed');
        })
        .finally(() => {
          this.every(name, pauseMs, work);
        });
    });
    this.timers.set(name, timer);
  }
}
