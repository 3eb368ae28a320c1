import { gidLogNumber, type OperatorAct } from '@atone/core';
import type { DecisionRequest, Doubt, Notice, RegistrationRequest, Verdict } from '@atone/protocol';
import { Acceptance, type SubmitAnswer, type SubmitRequest } from './acceptance.js';
import { Acts } from './acts.js';
import { Arrivals } from './arrivals.js';
import { Doorkeeper } from './doorkeeper.js';
import { DriverTable, snapshotOf } from './driver.table.js';
import type { EngineOptions } from './engine.options.js';
import type { EnginePorts } from './engine.ports.js';
import type { InsertionPoint } from './failpoints.js';
import { TransactionNotFoundError } from './errors.js';
import type { HearsayEntry } from './hearsay.js';
import type { ResolveAct, ResolveAnswer } from './led.resolution.js';
import { LedTransactions } from './led.transactions.js';
import type { DecideAnswer, LogLife, Trace } from './led.shapes.js';
import { LogWriter } from './log-writer.js';
import type { LoggedEnding, RowCounts, RowFilter, StoredRow } from './log.port.js';
import { OutcomeWaiters } from './outcome-waiters.js';
import { Recovery } from './recovery.js';
import { snapshotOfRow, type Snapshot } from './snapshot.js';

/** Old work goes before new: a house that is full for newcomers still takes over, and decides what others have done. */
const OLD_WORK_RESERVE = 1.25;

/**
 * The coordinator without its shell: accepts plans, drives sagas, takes over what others left, carries out acts.
 *
 * Whatever it answers is durable; whatever is only in its memory may be lost at any moment.
 */
export class Engine {
  private readonly arrivals = new Arrivals();
  private readonly waiters: OutcomeWaiters;
  private readonly writer: LogWriter;
  private readonly recovery: Recovery;
  private readonly doorkeeper: Doorkeeper;
  private readonly drivers: DriverTable;
  private readonly acceptance: Acceptance;
  private readonly acts: Acts;
  private readonly led: LedTransactions;

  constructor(
    private readonly ports: EnginePorts,
    private readonly options: EngineOptions,
  ) {
    const { instanceId } = options;
    const suspectOrphans = (gid?: string): void => {
      this.recovery.suspectOrphans(gid);
    };
    this.writer = new LogWriter(ports, { endLagMs: options.endLagMs, crowd: () => this.crowd });
    this.waiters = new OutcomeWaiters({
      clock: ports.clock,
      isDriven: (gid) => this.drivers.has(gid),
      read: async (gid) => this.durable(gid),
      ended: async (gids) => this.endedElsewhere(gids),
    });
    this.doorkeeper = new Doorkeeper(options, ports.observer);
    this.recovery = new Recovery(ports, options, {
      room: () => this.options.activeCountMax * OLD_WORK_RESERVE - this.drivers.size,
      isKnown: (gid) => this.drivers.has(gid) || this.arrivals.has(gid),
      take: (row) => {
        this.drivers.adopt(row);
        ports.observer?.takenOver();
      },
      forgetOthers: (epoch) => {
        this.drivers.dropOthers(epoch);
      },
      forgetAll: () => {
        this.drivers.dropAll();
      },
      progress: () => {
        this.drivers.writeProgress();
      },
    });
    const { writer, waiters, arrivals } = this;
    const epoch = (): number | undefined => this.recovery.epoch;
    this.drivers = new DriverTable(ports, { instanceId, writer, waiters, epoch, suspectOrphans });
    const { drivers } = this;
    const admit = this.admit.bind(this);
    this.acceptance = new Acceptance(ports, { options, writer, drivers, arrivals, suspectOrphans, admit });
    this.acts = new Acts({ instanceId, drivers, read: async (gid) => this.get(gid) });
    this.led = new LedTransactions(ports, {
      options,
      acts: this.acts,
      writer,
      drivers,
      arrivals,
      suspectOrphans,
      epoch,
      admit,
    });
    ports.catalogue.onArrival((service) => {
      this.drivers.reachable(service);
    });
    ports.transport.onReply((reply) => {
      this.led.answered(reply);
      return this.drivers.deliver(reply);
    });
  }

  get instanceId(): string {
    return this.options.instanceId;
  }

  /** How many transactions this instance drives at the moment. */
  get activeCount(): number {
    return this.drivers.size;
  }

  /** Whether due work is being taken: the lease is held and the last recovery pass went well and not long ago. */
  get isTakingWork(): boolean {
    return this.recovery.isTakingWork();
  }

  /** Why it stands by, or undefined while it does not; see the option `standby`. */
  get standbyReason(): string | undefined {
    return this.options.standby?.();
  }

  /** Has others learn soon what the option `facts` tells now; they learn it with each renewal of the lease anyway. */
  tellFacts(): void {
    this.recovery.renewSoon();
  }

  /** Takes a lease and begins to take due work. Rejects when the log cannot be reached. */
  async start(): Promise<void> {
    await this.recovery.start();
    this.doorkeeper.open();
  }

  /** Stops accepting, writes what is ending, sends away who waits, and hands the rest over by ending the lease. */
  async stop(): Promise<void> {
    this.doorkeeper.close();
    this.recovery.stop();
    this.waiters.close();
    await this.ports.transport.close();
    await this.writer.drain();
    this.drivers.dropAll();
    await this.recovery.leave();
  }

  /**
   * Accepts a plan. When it settles the transaction is durable, and will end or be visibly stuck.
   *
   * @throws {InvalidPlanError} when the plan cannot run; nothing was written.
   * @throws {IdempotencyMismatchError} when the key belongs to another body.
   * @throws {IdempotencyInFlightError} when the same key is being accepted at this moment.
   * @throws {OverloadedError} when this instance holds too many; nothing was written.
   * @throws {LogDoubtError} when the log did not answer; the same idempotency key finds out later.
   */
  submit(request: SubmitRequest): Promise<SubmitAnswer> {
    return this.acceptance.submit(request);
  }

  /**
   * Decides a led transaction. When it settles the decision is durable, and its branches will be told.
   *
   * @throws {NotMyTransactionError}, {@link TransactionTooOldError}, {@link LogRestoredError} when this log cannot
   * decide it; nothing was written.
   * @throws {WrongSecretError} when it is not the initiator who asks.
   * @throws {AlreadyDecidedError} when it was decided otherwise, or on another list.
   * @throws {BranchConflictError} when the list does not fit what was registered.
   * @throws {OverloadedError} when this instance holds too many; nothing was written.
   * @throws {LogDoubtError} when the log did not answer: it may be decided. The same request finds out later.
   */
  async decide(gid: string, request: DecisionRequest, trace: Trace = {}): Promise<DecideAnswer> {
    return this.led.decide({ gid, request, trace });
  }

  /**
   * Registers branches of a led transaction before it is decided. When it settles they are durable.
   *
   * @throws as `decide` does.
   */
  async register(gid: string, request: RegistrationRequest, trace: Trace = {}): Promise<Snapshot> {
    return this.led.register({ gid, request, trace });
  }

  /** Takes note of led transactions that have begun. Nothing of it is written. */
  notice(notices: readonly Notice[]): void {
    this.led.notice(notices);
  }

  /**
   * Tells what was decided for branches that are past their deadline; one verdict for each, in order. What nobody has
   * decided is aborted by the question, and that is durable before it is told.
   *
   * @throws {LogDoubtError} when the log did not answer: nobody learns anything.
   */
  async doubts(doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
    const verdicts = await this.led.judge(doubts);
    this.ports.observer?.judged(verdicts);
    return verdicts;
  }

  /**
   * Returns which log this is, and which life of it, as was read with the last renewal of the lease.
   *
   * @throws {LogDoubtError} before the start.
   */
  logLife(): LogLife {
    return this.led.logLife();
  }

  /** Returns what is heard of a led transaction. */
  hearsay(gid: string): HearsayEntry | undefined {
    return this.led.heard(gid);
  }

  /** Returns what is heard of led transactions, the newest first. Some of them may have a row by now. */
  hearsays(): readonly HearsayEntry[] {
    return this.led.allHeard();
  }

  /**
   * Carries out an operator's act, taking the transaction over if another instance drives it.
   *
   * @throws {ActRefusedError} when the state forbids it, {@link TransactionEndedError} after the end,
   * {@link TransactionNotFoundError} when there is no such transaction.
   */
  async act(gid: string, act: OperatorAct): Promise<Snapshot> {
    return act.type === 'abort' ? this.led.abort(gid, act) : this.acts.act(gid, act);
  }

  /**
   * Decides a led transaction as an operator says, where the log cannot judge it: it may have lost what was decided. When it settles
   * the decision is durable, and its branches will be told.
   *
   * @throws {ActRefusedError} when the log decides it by itself, when nobody has asked this instance about it, or before
   * its deadline. Nothing was written.
   * @throws {TransactionNotFoundError} when neither the log nor this instance knows anything of it.
   * @throws {AlreadyDecidedError} when it was decided otherwise, or not by an operator.
   * @throws {BranchConflictError} when what is kept lies below what is not.
   * @throws {NotMyTransactionError} when another log decides it.
   * @throws {OverloadedError} when this instance holds too many; nothing was written.
   * @throws {LogDoubtError} when the log did not answer: look at the transaction, and ask again.
   */
  async resolve(gid: string, act: ResolveAct): Promise<ResolveAnswer> {
    return this.led.resolve(gid, act);
  }

  /** Returns the error for a gid that the log does not hold; it says so where another log decides it. */
  notFound(gid: string): TransactionNotFoundError {
    const [number, ours] = [gidLogNumber(gid), this.options.logNumber];
    const hint = `It belongs to log ${number}, and this is log ${ours}: ask a coordinator of that one.`;
    return new TransactionNotFoundError(gid, number === ours ? '' : hint);
  }

  /** Returns the transaction as it stands. @throws {TransactionNotFoundError} */
  async get(gid: string): Promise<Snapshot> {
    const driver = this.drivers.get(gid);
    if (driver !== undefined) {
      return snapshotOf(driver, this.options.instanceId);
    }
    const row = await this.ports.log.get(gid);
    if (row === undefined) {
      throw this.notFound(gid);
    }
    return snapshotOfRow(row);
  }

  /**
   * Returns the transaction as it stands at its durable end, when it is set aside here (stuck, paused, or waiting for
   * long), or after `waitMs`.
   */
  async waitForEnd(gid: string, waitMs: number): Promise<Snapshot> {
    const driver = this.drivers.get(gid);
    if (driver !== undefined) {
      driver.hurry();
      this.writer.hurry();
    }
    const snapshot = await this.waiters.wait(gid, waitMs);
    return snapshot ?? this.get(gid);
  }

  /** Sends away everybody who waits for an end, with what is known: the instance is about to stop. */
  dismissWaiters(): void {
    this.waiters.close();
  }

  /**
   * Tells which of `gids` have ended, as the log has it at a moment after the call: what a driver in memory believes may
   * be long past. Of a gid of another log, or of none, nothing is said.
   */
  async endings(gids: readonly string[]): Promise<readonly LoggedEnding[]> {
    const own = gids.filter((gid) => gidLogNumber(gid) === this.options.logNumber);
    return own.length === 0 ? [] : this.ports.log.endings(own);
  }

  async list(filter: RowFilter): Promise<readonly StoredRow[]> {
    return this.ports.log.list(filter);
  }

  async counts(): Promise<RowCounts> {
    return this.ports.log.counts();
  }

  /** @throws {OverloadedError} when nothing new may come in, by a submission or for one of these points. */
  private admit(point?: InsertionPoint): void {
    this.doorkeeper.admit(this.crowd, point === 'engine.decide' ? OLD_WORK_RESERVE : 1);
  }

  /** How many are here or about to be. */
  private get crowd(): number {
    return this.drivers.size + this.arrivals.size;
  }

  private async durable(gid: string): Promise<Snapshot | undefined> {
    if (this.drivers.has(gid)) {
      return undefined;
    }
    const row = await this.ports.log.get(gid);
    return row?.finishedAt === undefined ? undefined : snapshotOfRow(row);
  }

  private async endedElsewhere(gids: readonly string[]): Promise<readonly string[]> {
    const elsewhere = gids.filter((gid) => !this.drivers.has(gid));
    return elsewhere.length === 0 ? [] : this.ports.log.ended(elsewhere);
  }
}
