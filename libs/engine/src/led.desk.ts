import { createHash } from 'node:crypto';
import {
  activeLed,
  advanceSaga,
  AlreadyDecidedError,
  BranchConflictError,
  checkSecret,
  decidedLed,
  gidTimeMs,
  isEnded,
  isSameDecision,
  missingOf,
  outcomeOf,
  type Decision,
  type LedBranch,
  type Saga,
} from '@atone/core';
import type { DecisionRequest, RegistrationRequest } from '@atone/protocol';
import { untilTaken } from './acts.js';
import { snapshotOf, type DriverTable } from './driver.table.js';
import type { EngineOptions } from './engine.options.js';
import type { EnginePorts } from './engine.ports.js';
import { LogDoubtError, OverloadedError } from './errors.js';
import type { Hearsay } from './hearsay.js';
import type { LedGate } from './led.gate.js';
import type { Found, LedInsertion, LedStart } from './led.insertion.js';
import type { DecideAnswer, Trace } from './led.shapes.js';
import { ROW_FORMAT, type ClaimedRow, type StoredRow } from './log.port.js';
import type { Envelope } from './saga.codec.js';
import { DriverReleasedError, type SagaDriver } from './saga.driver.js';
import { snapshotOfRow, type Snapshot } from './snapshot.js';

interface DeskParts {
  readonly options: EngineOptions;
  readonly drivers: DriverTable;
  readonly hearsay: Hearsay;
  readonly gate: LedGate;
  readonly insertion: LedInsertion;
}

/** A request about a led transaction, with what came beside it. */
export interface Asked<Request> {
  readonly gid: string;
  readonly request: Request;
  readonly trace: Trace;
}

/** What is decided, and what the initiator calls it. */
interface Deciding {
  readonly decision: Decision;
  readonly request: DecisionRequest;
}

/** Takes the decisions of initiators, and the branches that are registered before them. */
export class LedDesk {
  constructor(
    private readonly ports: EnginePorts,
    private readonly parts: DeskParts,
  ) {}

  /** Decides a led transaction; see Engine.decide. */
  async decide(asked: Asked<DecisionRequest>): Promise<DecideAnswer> {
    const { gid } = asked;
    this.parts.gate.check(gid);
    const decision = this.decisionOf(asked.request);
    const answer = await untilTaken(gid, async () => this.decideOnce(asked, decision));
    this.parts.hearsay.settle(gid);
    return answer;
  }

  /** Registers branches; see Engine.register. */
  async register(asked: Asked<RegistrationRequest>): Promise<Snapshot> {
    const { gid } = asked;
    this.parts.gate.check(gid);
    const snapshot = await untilTaken(gid, async () => this.registerOnce(asked));
    this.parts.hearsay.register(gid);
    return snapshot;
  }

  private async decideOnce(asked: Asked<DecisionRequest>, decision: Decision): Promise<DecideAnswer> {
    const { gid } = asked;
    const { drivers, insertion } = this.parts;
    const driver = drivers.get(gid);
    if (driver !== undefined) {
      return this.decideHere(driver, { decision, request: asked.request });
    }
    if (decision.to === 'commit' && decision.registered.length > 0) {
      const row = await this.registered(asked, decision);
      return this.decideRow({ row, isInDoubt: false }, { decision, request: asked.request });
    }
    const outcome = await insertion.insertOrFind(this.decided(asked, decision), 'engine.decide');
    return 'row' in outcome
      ? this.decideRow(outcome, { decision, request: asked.request })
      : { snapshot: outcome, isRepeat: false };
  }

  /** What a list counts on as registered is in a row, or nowhere. */
  private async registered({ gid, request }: Asked<DecisionRequest>, decision: Decision): Promise<StoredRow> {
    const row = await this.parts.insertion.read(gid);
    if (row !== undefined) {
      return row;
    }
    const missing = missingOf(undefined, decision) ?? `Nothing is registered of transaction ${gid}.`;
    throw this.parts.gate.epochHindrance(gid, request.epoch) ?? new BranchConflictError(missing);
  }

  private async decideHere(driver: SagaDriver, { decision, request }: Deciding): Promise<DecideAnswer> {
    if (driver.saga.state !== 'active') {
      // What a driver has as decided is durable, and need not wait behind what it is writing now.
      return { snapshot: repeated(this.snapshotOf(driver), decision), isRepeat: true };
    }
    this.checkDecidable(driver.saga, decision, driver.epoch);
    const { name, lane, tags = {} } = request;
    driver.entitle({ name, lane, tags });
    await driver.ask({ type: 'decide', decision });
    return { snapshot: this.snapshotOf(driver), isRepeat: false };
  }

  private async decideRow({ row, isInDoubt }: Found, deciding: Deciding): Promise<DecideAnswer> {
    const { decision } = deciding;
    const snapshot = readable(row);
    if (snapshot.saga.state === 'active') {
      this.checkDecidable(snapshot.saga, decision);
      return this.decideHere(await this.heirOf(row.gid), deciding);
    }
    this.parts.insertion.adoptOrphan(row);
    return { snapshot: repeated(snapshot, decision), isRepeat: !isInDoubt };
  }

  private async registerOnce(asked: Asked<RegistrationRequest>): Promise<Snapshot> {
    const { gid, request } = asked;
    const { drivers, insertion } = this.parts;
    const driver = drivers.get(gid);
    if (driver !== undefined) {
      return this.enlistHere(driver, request);
    }
    const outcome = await insertion.insertOrFind(this.registering(asked), 'engine.register');
    if (!('row' in outcome)) {
      return outcome;
    }
    this.checkJoinable(readable(outcome.row).saga, request);
    return this.enlistHere(await this.heirOf(gid), request);
  }

  private async enlistHere(driver: SagaDriver, request: RegistrationRequest): Promise<Snapshot> {
    this.checkJoinable(driver.saga, request, driver.epoch);
    await driver.ask({ type: 'enlist', branches: this.known(request.branches) });
    return this.snapshotOf(driver);
  }

  /** Nobody joins after the decision, nor where it may be lost. */
  private checkJoinable(saga: Saga, request: RegistrationRequest, seenIn?: number): void {
    if (saga.state !== 'active') {
      checkSecret(saga, request.secretHash);
      throw new AlreadyDecidedError(saga.gid, outcomeOf(saga.state), saga.resolved);
    }
    this.checkDecidable(saga, request, seenIn);
  }

  /** In the life of the log in which its driver goes on, or else the present one. */
  private checkDecidable(saga: Saga, { secretHash }: Pick<Decision, 'secretHash'>, seenIn?: number): void {
    checkSecret(saga, secretHash);
    const hindrance = this.parts.gate.undecidable(saga, seenIn);
    if (hindrance !== undefined) {
      throw hindrance;
    }
  }

  /** Takes an undecided transaction over from whoever drives it. */
  private async heirOf(gid: string): Promise<SagaDriver> {
    const { drivers, options } = this.parts;
    const row = await this.claim(gid);
    const heir = row === undefined ? undefined : drivers.open(row);
    if (heir === undefined) {
      throw new DriverReleasedError(gid);
    }
    heir.post({ type: 'claim', by: options.instanceId });
    return heir;
  }

  private async claim(gid: string): Promise<ClaimedRow | undefined> {
    try {
      return await this.parts.drivers.claim(gid);
    } catch (error) {
      throw new LogDoubtError(`The log did not hand over transaction ${gid}. Nothing was decided by it.`, {
        cause: error,
      });
    }
  }

  private decided(asked: Asked<DecisionRequest>, decision: Decision): LedStart {
    const { gid, request } = asked;
    const now = this.ports.clock.now();
    const deadlineAt = gidTimeMs(gid) + request.timeoutMs;
    const led = { secretHash: decision.secretHash, epoch: request.epoch };
    const saga = decidedLed({ gid, name: request.name, led, acceptedAt: now, deadlineAt }, decision);
    return {
      envelope: envelopeOf(asked),
      saga: this.endedIfNothingIsLeft(saga),
      deadlineInMs: Math.max(0, deadlineAt - now),
    };
  }

  /** Of what needs no command the row can be inserted as ended. */
  private endedIfNothingIsLeft(saga: Saga): Saga {
    if (saga.plan.steps.some((step) => step.hasBarrier)) {
      return saga;
    }
    const { clock, random } = this.ports;
    const opened = advanceSaga(saga, { type: 'start' }, { now: clock.now(), random }).saga;
    return isEnded(opened) ? opened : saga;
  }

  private registering(asked: Asked<RegistrationRequest>): LedStart {
    const { gid, request } = asked;
    const { secretHash, epoch, remainingMs, branches } = request;
    // Who registers may not know it: only the initiator does, and tells it with its first call.
    const name = this.parts.hearsay.heardOf(gid)?.notice.name ?? request.name;
    const now = this.ports.clock.now();
    const deadlineAt = now + remainingMs;
    const start = { gid, name, led: { secretHash, epoch }, acceptedAt: now, deadlineAt };
    return {
      envelope: { ...envelopeOf(asked), name },
      saga: activeLed(start, this.known(branches)),
      deadlineInMs: remainingMs,
    };
  }

  private decisionOf({ to, secret, branches, registered, thrown, message }: DecisionRequest): Decision {
    return {
      to,
      secretHash: createHash('sha256').update(secret).digest('hex'),
      branches: this.known(branches),
      registered: registered ?? [],
      thrown: thrown ?? [],
      message,
    };
  }

  /**
   * Where no nonce is told, the catalogue may know that the service keeps a barrier, which waits for a confirm. Who tells
   * an input means an endpoint that keeps none.
   */
  private known(branches: readonly LedBranch[]): LedBranch[] {
    const { catalogue } = this.ports;
    return branches.map((branch) => {
      const isBare = branch.nonce === undefined && branch.input === undefined;
      const hasBarrier =
        isBare && catalogue.instancesOf(branch.service).some(({ kind }) => kind === 'library');
      return hasBarrier ? { ...branch, hasBarrier } : branch;
    });
  }

  private snapshotOf(driver: SagaDriver): Snapshot {
    return snapshotOf(driver, isEnded(driver.saga) ? undefined : this.parts.options.instanceId);
  }
}

function envelopeOf({
  gid,
  request,
  trace: { traceparent, baggage },
}: Asked<DecisionRequest | RegistrationRequest>): Envelope {
  const { name, initiator, lane, tags = {} } = request;
  return { gid, name, initiator, lane, tags, traceparent, baggage };
}

/** Returns what was decided before, if it is what is asked for. */
function repeated(snapshot: Snapshot, decision: Decision): Snapshot {
  const { saga } = snapshot;
  checkSecret(saga, decision.secretHash);
  if (!isSameDecision(saga, decision)) {
    throw new AlreadyDecidedError(saga.gid, outcomeOf(saga.state), saga.resolved);
  }
  return snapshot;
}

/** Returns the transaction of a row. @throws {OverloadedError} when only a later version may touch it. */
function readable(row: StoredRow): Snapshot {
  if (row.format > ROW_FORMAT) {
    throw new OverloadedError(
      `Transaction ${row.gid} was written by a later version. Ask again, until a coordinator of that version answers.`,
    );
  }
  return snapshotOfRow(row);
}
