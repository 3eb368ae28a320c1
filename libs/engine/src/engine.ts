import {
  gidLogNumber,
  isEnded,
  mintGid,
  newSaga,
  stuckOf,
  type OperatorAct,
  type Random,
  type Saga,
} from '@atone/core';
import type { ReplyEnvelope, Submission } from '@atone/protocol';
import type { Catalogue } from './catalogue.js';
import type { Clock } from './clock.port.js';
import { Doorkeeper } from './doorkeeper.js';
import type { EngineOptions } from './engine.options.js';
import {
  IdempotencyInFlightError,
  IdempotencyMismatchError,
  LogDoubtError,
  OverloadedError,
  TransactionEndedError,
  TransactionNotFoundError,
} from './errors.js';
import { reached } from './failpoints.js';
import { LogWriter } from './log-writer.js';
import type {
  AcceptOutcome,
  KeyHolder,
  LoggedEnding,
  NewRow,
  RowCounts,
  RowFilter,
  StoredRow,
  TransactionLog,
} from './log.port.js';
import type { EngineLogger } from './logger.port.js';
import { OutcomeWaiters } from './outcome-waiters.js';
import { Recovery } from './recovery.js';
import {
  decodeEnvelope,
  decodeSaga,
  encodePlan,
  encodeProgress,
  UnreadableRowError,
  type Envelope,
} from './saga.codec.js';
import { isQuarantined, snapshotOfRow, type Snapshot } from './snapshot.js';
import { isHopeless } from './write-each.js';
import { DriverReleasedError, SagaDriver, type DriverHost, type Release } from './saga.driver.js';
import { planOf } from './submission.js';
import type { BranchTransport } from './transport.port.js';

export interface EnginePorts {
  readonly log: TransactionLog;
  readonly transport: BranchTransport;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: EngineLogger;
}

export interface SubmitRequest {
  readonly submission: Submission;
  readonly idempotency?: { readonly key: string; readonly bodyHash: string } | undefined;
  readonly traceparent?: string | undefined;
  readonly baggage?: string | undefined;
}

export interface SubmitAnswer {
  readonly gid: string;
  /** Whether the key had been used for the same body before, and nothing new was accepted. */
  readonly isReplay: boolean;
}

/**
 * The coordinator without its shell: accepts plans, drives sagas, takes over what others left, carries out acts.
 *
 * Whatever it answers is durable; whatever is only in its memory may be lost at any moment.
 */
export class Engine {
  private readonly drivers = new Map<string, SagaDriver>();
  private readonly accepting = new Set<string>();
  private readonly keysInFlight = new Set<string>();
  private readonly waiters: OutcomeWaiters;
  private readonly writer: LogWriter;
  private readonly recovery: Recovery;
  private readonly doorkeeper: Doorkeeper;
  private readonly host: DriverHost;

  constructor(
    private readonly ports: EnginePorts,
    private readonly options: EngineOptions,
  ) {
    this.writer = new LogWriter(ports, {
      endLagMs: options.endLagMs,
      crowd: () => this.drivers.size + this.accepting.size,
    });
    this.waiters = new OutcomeWaiters({
      clock: ports.clock,
      read: async (gid) => this.durable(gid),
      ended: async (gids) => this.endedElsewhere(gids),
    });
    this.doorkeeper = new Doorkeeper(options);
    this.recovery = new Recovery(ports, options, {
      room: () => this.options.activeCountMax * CLAIM_RESERVE - this.drivers.size,
      isKnown: (gid) => this.drivers.has(gid) || this.accepting.has(gid),
      take: (row) => {
        this.adopt(row);
      },
      progress: () => {
        this.writeProgress();
      },
    });
    this.host = {
      instanceId: options.instanceId,
      clock: ports.clock,
      random: ports.random,
      write: async (update, isUrgent) => this.writer.update(update, isUrgent),
      send: (command, answerWithinMs) => {
        ports.transport.send(command, answerWithinMs);
      },
      released: (driver, how) => {
        this.released(driver, how);
      },
      crashed: (driver, error) => {
        void this.quarantine(driver.gid, error);
      },
    };
    ports.transport.onReply((reply) => {
      this.reply(reply);
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
    for (const driver of this.drivers.values()) {
      driver.drop();
    }
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
  async submit(request: SubmitRequest): Promise<SubmitAnswer> {
    this.doorkeeper.admit(this.drivers.size + this.accepting.size);
    const key = request.idempotency?.key;
    if (key === undefined) {
      return this.accept(request, planOf(request.submission, this.ports.catalogue));
    }
    if (this.keysInFlight.has(key)) {
      throw new IdempotencyInFlightError(key);
    }
    this.keysInFlight.add(key);
    try {
      return await this.acceptOnce(request, key);
    } finally {
      this.keysInFlight.delete(key);
    }
  }

  /**
   * Carries out an operator's act, taking the transaction over if another instance drives it.
   *
   * @throws {ActRefusedError} when the state forbids it, {@link TransactionEndedError} after the end,
   * {@link TransactionNotFoundError} when there is no such transaction.
   */
  async act(gid: string, act: OperatorAct): Promise<Snapshot> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- each attempt follows from what became of the one before.
        const driver = await this.actOnce(gid, act);
        return snapshotOf(driver, isEnded(driver.saga) ? undefined : this.options.instanceId);
      } catch (error) {
        if (!(error instanceof DriverReleasedError)) {
          throw error;
        }
        if (attempt >= ACT_ATTEMPT_COUNT_MAX) {
          throw new OverloadedError(`Transaction ${gid} keeps changing hands. Nothing was done; ask again.`, {
            cause: error,
          });
        }
      }
    }
  }

  /** Returns the transaction as it stands. @throws {TransactionNotFoundError} */
  async get(gid: string): Promise<Snapshot> {
    const driver = this.drivers.get(gid);
    if (driver !== undefined) {
      return snapshotOf(driver, this.options.instanceId);
    }
    const row = await this.ports.log.get(gid);
    if (row === undefined) {
      throw new TransactionNotFoundError(gid);
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

  /** A repeat gets its answer though the catalogue has changed since, and the plan could not be accepted any more. */
  private async acceptOnce(request: SubmitRequest, key: string): Promise<SubmitAnswer> {
    let plan: Saga['plan'];
    try {
      plan = planOf(request.submission, this.ports.catalogue);
    } catch (error) {
      const holder = await this.ports.log.findKey(key);
      if (holder === undefined) {
        throw error;
      }
      return replay(holder, request);
    }
    return this.accept(request, plan);
  }

  private async accept(request: SubmitRequest, plan: Saga['plan']): Promise<SubmitAnswer> {
    const { submission } = request;
    const now = this.ports.clock.now();
    const timeoutMs = submission.timeoutMs ?? this.options.defaultTimeoutMs;
    const gid = mintGid(now, this.options.logNumber, this.ports.random);
    const saga = newSaga({ gid, plan, acceptedAt: now, deadlineAt: now + timeoutMs });
    const { name, initiator, lane, tags = {} } = submission;
    const envelope = {
      gid,
      name,
      initiator,
      lane,
      tags,
      traceparent: request.traceparent,
      baggage: request.baggage,
    };
    const outcome = await this.insert({
      gid,
      kind: 'saga',
      name,
      initiator,
      lane,
      tags,
      services: [...new Set(plan.steps.map((step) => step.service))],
      owner: this.options.instanceId,
      deadlineInMs: timeoutMs,
      plan: encodePlan(saga, envelope),
      progress: encodeProgress(saga, timeoutMs),
      idempotency: request.idempotency,
    });
    if (outcome.outcome === 'key-taken') {
      return replay(outcome, request);
    }
    const { acceptedAt } = outcome;
    if (acceptedAt > this.ports.clock.now()) {
      // The log has told its time once more, or a branch would seem to start before the acceptance.
      this.ports.clock.synchronize(acceptedAt);
    }
    const accepted = newSaga({ gid, plan, acceptedAt, deadlineAt: acceptedAt + timeoutMs });
    this.drive(envelope, { saga: accepted, version: 1 })?.post({ type: 'start' });
    return { gid, isReplay: false };
  }

  private async insert(row: NewRow): Promise<AcceptOutcome> {
    this.accepting.add(row.gid);
    try {
      await reached('engine.accept.beforeWrite');
      const outcome = await this.writer.accept(row);
      await reached('engine.accept.afterWrite');
      return outcome;
    } catch (error) {
      if (isHopeless(error)) {
        throw error;
      }
      // The row may be there all the same. Recovery finds rows that are ours and that nobody drives.
      this.recovery.suspectOrphans();
      throw new LogDoubtError(`The log did not confirm transaction ${row.gid}.`, { cause: error });
    } finally {
      this.accepting.delete(row.gid);
    }
  }

  /**
   * Has a saga driven here, unless it already is by a later claim: an acceptance or a claim whose answer was slow must
   * not push aside the driver of an act that came in between.
   */
  private drive(envelope: Envelope, start: { saga: Saga; version: number }): SagaDriver | undefined {
    const present = this.drivers.get(envelope.gid);
    if (present !== undefined && present.version >= start.version) {
      return undefined;
    }
    present?.drop();
    const driver = new SagaDriver(this.host, envelope, start);
    this.drivers.set(envelope.gid, driver);
    return driver;
  }

  private adopt(row: StoredRow): void {
    this.open(row)?.post({ type: 'claim', by: this.options.instanceId });
  }

  private open(row: StoredRow): SagaDriver | undefined {
    try {
      return this.drive(decodeEnvelope(row), { saga: decodeSaga(row), version: row.version });
    } catch (error) {
      if (!(error instanceof UnreadableRowError)) {
        throw error;
      }
      void this.quarantine(row.gid, error);
      return undefined;
    }
  }

  private async actOnce(gid: string, act: OperatorAct): Promise<SagaDriver> {
    const driver = this.drivers.get(gid);
    if (driver !== undefined) {
      await driver.act(act);
      return driver;
    }
    const { instanceId } = this.options;
    const row = await this.claim(gid);
    const heir = row === undefined ? undefined : this.open(row);
    if (row === undefined || heir === undefined) {
      const { saga } = await this.get(gid);
      if (isEnded(saga)) {
        throw new TransactionEndedError(gid, saga.state);
      }
      throw new DriverReleasedError(gid);
    }
    if (act.type === 'retry' && isQuarantined(row, heir.saga)) {
      // To drive it again is all that was asked for; no branch of it is stuck.
      heir.post({ type: 'claim', by: act.by });
    } else {
      await heir.claimFor(act, instanceId);
    }
    return heir;
  }

  private async claim(gid: string): Promise<StoredRow | undefined> {
    try {
      return await this.ports.log.claim(this.options.instanceId, gid);
    } catch (error) {
      // The row may be ours all the same, and nobody drives it.
      this.recovery.suspectOrphans();
      throw error;
    }
  }

  private reply(envelope: ReplyEnvelope): void {
    this.drivers.get(envelope.gid)?.post({ type: 'reply', ...envelope });
  }

  private released(driver: SagaDriver, how: Release): void {
    if (this.drivers.get(driver.gid) === driver) {
      this.drivers.delete(driver.gid);
    }
    if (how === 'ended') {
      this.waiters.settle(driver.gid, snapshotOf(driver, undefined));
    } else if (how === 'idle') {
      // It waits for an operator, or for long: whoever waits for its end had better know that now.
      this.waiters.settle(driver.gid, snapshotOf(driver, undefined));
      const stuck = stuckOf(driver.saga);
      this.ports.logger.info({ gid: driver.gid, stuck: stuck?.reason }, 'transaction set aside');
    } else if (how === 'lost') {
      this.ports.logger.info({ gid: driver.gid }, 'transaction lost to another instance');
      // Or to a claim of our own whose answer never came: while its former driver was there, nothing pointed at the row.
      this.recovery.suspectOrphans();
    }
  }

  private async durable(gid: string): Promise<Snapshot | undefined> {
    if (this.drivers.has(gid)) {
      return undefined;
    }
    const row = await this.ports.log.get(gid);
    return row?.finishedAt === undefined ? undefined : snapshotOfRow(row);
  }

  private writeProgress(): void {
    for (const driver of this.drivers.values()) {
      driver.writeProgress();
    }
  }

  private async endedElsewhere(gids: readonly string[]): Promise<readonly string[]> {
    const elsewhere = gids.filter((gid) => !this.drivers.has(gid));
    return elsewhere.length === 0 ? [] : this.ports.log.ended(elsewhere);
  }

  /** A row that this version cannot drive is marked for operators and left alone otherwise. */
  private async quarantine(gid: string, error: unknown): Promise<void> {
    this.ports.logger.error({ gid, error }, 'transaction quarantined');
    try {
      const row = await this.ports.log.get(gid);
      if (row !== undefined && row.finishedAt === undefined && row.owner === this.options.instanceId) {
        await this.writer.quarantine(row);
      }
    } catch (failure) {
      // The row is still ours and has no driver: the look for orphans comes back to it.
      this.ports.logger.warn({ gid, error: failure }, 'quarantine failed');
      this.recovery.suspectOrphans();
    }
  }
}

/** What is accepted already goes before what is new: a house that is full for newcomers still takes over. */
const CLAIM_RESERVE = 1.25;

const ACT_ATTEMPT_COUNT_MAX = 5;

function replay(taken: KeyHolder, request: SubmitRequest): SubmitAnswer {
  const { key = '', bodyHash } = request.idempotency ?? {};
  if (taken.bodyHash !== bodyHash) {
    throw new IdempotencyMismatchError(key, taken.gid);
  }
  return { gid: taken.gid, isReplay: true };
}

function snapshotOf(driver: SagaDriver, owner: string | undefined): Snapshot {
  return { envelope: driver.envelope, saga: driver.saga, version: driver.version, owner };
}
