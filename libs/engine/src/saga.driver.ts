import {
  advanceSaga,
  branchOf,
  ActRefusedError,
  isEnded,
  nextDueAt,
  stepOf,
  type CallCommand,
  type OperatorAct,
  type Plan,
  type Random,
  type Saga,
  type SagaEvent,
  type Transition,
} from '@atone/core';
import type { BranchCommand, LedContext } from '@atone/protocol';
import type { Clock, Timer } from './clock.port.js';
import { reached, type Urgency } from './failpoints.js';
import type { RowProgress, RowTitle, RowUpdate } from './log.port.js';
import type { UpdateOutcome } from './log-writer.js';
import { encodeProgress, servicesOf, type Envelope } from './saga.codec.js';
import { TitledEnvelope } from './titled.envelope.js';

/** What a driver needs of its engine. */
export interface DriverHost {
  readonly instanceId: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Writes the row by compare-and-set, through every doubt but that of a stop. */
  write(update: RowUpdate, isUrgent: boolean): Promise<UpdateOutcome>;
  send(command: BranchCommand, answerWithinMs: number): void;
  /** The saga of the driver is about to be `next`. */
  advanced(driver: SagaDriver, next: Saga): void;
  /** The driver is through with its saga. */
  released(driver: SagaDriver, how: Release): void;
  /** A defect: the machine or the driver threw. The row is left to operators. */
  crashed(driver: SagaDriver, error: unknown): void;
}

/** Ended; given back to the log for a while; lost to another instance; dropped by this one, which stops or starts over. */
export type Release = 'ended' | 'idle' | 'lost' | 'dropped';

/** A saga that can only move in a while is given back to the log after this, so that memory holds what is alive. */
const IDLE_AFTER_MS = 60_000;

const IDLE_GRACE_MS = 50;

/** Below this age progress is not worth a write: most sagas end sooner. */
const PROGRESS_AGE_MS = 1_000;

/** Where a driver begins. */
export interface DriverStart {
  readonly saga: Saga;
  readonly version: number;
  /** The life of the log in which the row has that version. */
  readonly epoch: number;
  /** The steps that the row's plan holds, where they are not those of the saga. */
  readonly plannedSteps?: Plan['steps'] | undefined;
}

interface Letter {
  /** `mark`: nothing happens, but that its turn has come, or never will. */
  readonly event: SagaEvent | { readonly type: 'persist' } | { readonly type: 'mark' };
  readonly resolve?: (saga: Saga) => void;
  readonly reject?: (error: unknown) => void;
}

/**
 * Drives one saga: takes events one at a time, has the machine decide, makes durable what must be, and then sends.
 *
 * At most one write of the row is under way, each relies on the version of the one before, and a write that finds
 * another version ends the driver: somebody else drives the saga now, and knows better. So does a write in another life of
 * the log than the driver began in: what the row said then may be lost.
 */
export class SagaDriver {
  /** The life of the log in which all writes of this driver are. */
  readonly epoch: number;
  private current: Pick<DriverStart, 'saga' | 'version'>;
  private readonly plannedSteps: Plan['steps'];
  private readonly titled: TitledEnvelope;
  private readonly letters: Letter[] = [];
  private isBusy = false;
  private isReleased = false;
  private timer: Timer | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private isDirty = false;
  /** Whether anybody waits for the end, so that its write must not stay behind for company. */
  private isAwaited = false;

  constructor(
    private readonly host: DriverHost,
    envelope: Envelope,
    start: DriverStart,
  ) {
    this.epoch = start.epoch;
    this.current = start;
    this.titled = new TitledEnvelope(envelope);
    this.plannedSteps = start.plannedSteps ?? start.saga.plan.steps;
  }

  get gid(): string {
    return this.envelope.gid;
  }

  get envelope(): Envelope {
    return this.titled.envelope;
  }

  get saga(): Saga {
    return this.current.saga;
  }

  get version(): number {
    return this.current.version;
  }

  /** Marks that somebody waits for the outcome. */
  hurry(): void {
    this.isAwaited = true;
  }

  /** Takes over what the initiator calls the transaction, whoever told of it before. It is written with what is next. */
  entitle(title: RowTitle): void {
    this.isDirty = this.titled.entitle(title) || this.isDirty;
  }

  post(event: SagaEvent): void {
    this.deliver({ event });
  }

  /** Whether all that was posted so far was taken, and what it wrote is in the log; or this driver has let go of the saga. */
  get isSettled(): boolean {
    return !this.isBusy || this.isReleased;
  }

  /** Resolves when it is settled. Has no write wait for company. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isSettled) {
        resolve();
      } else {
        this.hurry();
        this.letters.push({ event: { type: 'mark' }, resolve: () => resolve() });
      }
    });
  }

  /** Settles when the event and all it changed is durable; rejects with ActRefusedError when the state forbids it. */
  async ask(event: SagaEvent): Promise<Saga> {
    return new Promise((resolve, reject) => {
      this.deliver({ event, resolve, reject });
    });
  }

  /** Goes on with what another instance drove, the act before any step. Settles as `ask` does. */
  async claimFor(act: OperatorAct, by: string): Promise<Saga> {
    return new Promise((resolve, reject) => {
      this.deliver({ event: { type: 'claim', by, act }, resolve, reject });
    });
  }

  /** Writes progress of a saga that has been going for a while, for people to see. */
  writeProgress(): void {
    if (this.isDirty && !this.isBusy && this.host.clock.now() - this.saga.acceptedAt >= PROGRESS_AGE_MS) {
      this.deliver({ event: { type: 'persist' } });
    }
  }

  /** Forgets the saga without a word: the instance stops, and another one will take the row over. */
  drop(): void {
    this.release('dropped');
  }

  private deliver(letter: Letter): void {
    if (this.isReleased) {
      letter.reject?.(new DriverReleasedError(this.gid));
      return;
    }
    if (this.isBusy) {
      this.letters.push(letter);
    } else {
      this.isBusy = true;
      this.work(letter);
    }
  }

  /** Takes one letter after the other, at once as long as nothing has to be written. */
  private work(first: Letter | undefined): void {
    try {
      for (let letter = first; letter !== undefined; letter = this.letters.shift()) {
        const write = this.take(letter);
        if (write !== undefined) {
          void this.workAfter(write, letter);
          return;
        }
        if (this.isReleased) {
          return;
        }
      }
      this.isBusy = false;
      this.rest();
    } catch (error) {
      this.crash(error);
    }
  }

  private async workAfter(write: Promise<void>, { reject }: Letter): Promise<void> {
    try {
      await write;
    } catch (error) {
      reject?.(error);
      this.crash(error);
    }
    if (!this.isReleased) {
      this.work(this.letters.shift());
    }
  }

  private crash(error: unknown): void {
    this.release('dropped');
    this.host.crashed(this, error);
  }

  /** Returns a promise only when something has to be awaited: most events cost no turn of the loop. */
  private take(letter: Letter): Promise<void> | undefined {
    if (letter.event.type === 'persist') {
      return this.isDirty ? this.persist(this.saga, true) : undefined;
    }
    if (letter.event.type === 'mark') {
      letter.resolve?.(this.saga);
      return undefined;
    }
    const transition = this.advance(letter, letter.event);
    if (transition === undefined) {
      return undefined;
    }
    const { durability } = transition;
    if (durability === 'lazy') {
      this.isDirty ||= transition.saga !== this.saga;
      this.current = { saga: transition.saga, version: this.version };
      this.send(transition.commands);
      letter.resolve?.(this.saga);
      return undefined;
    }
    return this.writeThenSend(letter, transition, durability);
  }

  private advance(letter: Letter, event: SagaEvent): Transition | undefined {
    try {
      const { clock, random } = this.host;
      const next = advanceSaga(this.saga, event, { now: clock.now(), random, epoch: this.epoch });
      this.host.advanced(this, next.saga);
      return next;
    } catch (error) {
      letter.reject?.(error);
      if (!(error instanceof ActRefusedError)) {
        throw error;
      }
      // The row is ours all the same, and nobody else will go on with it.
      return event.type === 'claim' ? this.advance(letter, { type: 'claim', by: event.by }) : undefined;
    }
  }

  private async writeThenSend(letter: Letter, transition: Transition, urgency: Urgency): Promise<void> {
    // In this breath a transport may ask for the fate of the reply that has caused the write, which hurries it.
    await reached(`engine.${urgency}.beforeWrite`);
    const isUrgent = transition.durability === 'first' || this.isAwaited;
    await this.persist(transition.saga, isUrgent);
    if (this.isReleased && !isEnded(this.saga)) {
      letter.reject?.(new DriverReleasedError(this.gid));
      return;
    }
    await reached(`engine.${urgency}.afterWrite`);
    this.send(transition.commands);
    letter.resolve?.(this.saga);
  }

  private async persist(saga: Saga, isUrgent: boolean): Promise<void> {
    const owner = isEnded(saga) ? undefined : this.host.instanceId;
    const outcome = await this.writeRow(saga, { owner, isUrgent });
    if (outcome === 'done') {
      this.current = { saga, version: this.version + 1 };
      this.isDirty = false;
      if (isEnded(saga)) {
        this.release('ended');
      }
    } else {
      this.release(outcome);
    }
  }

  private writeRow(
    saga: Saga,
    { owner, isUrgent }: { owner: string | undefined; isUrgent: boolean },
  ): Promise<UpdateOutcome> {
    const { gid, version, epoch } = this;
    const progress = this.progressOf(saga);
    const services = saga.plan.steps === this.saga.plan.steps ? undefined : servicesOf(saga);
    const title = this.titled.unwritten();
    const update = { gid, version, progress, owner, services, epoch, title };
    const write = this.host.write(update, isUrgent);
    return title === undefined ? write : this.entitling(write, title);
  }

  private async entitling(write: Promise<UpdateOutcome>, title: RowTitle): Promise<UpdateOutcome> {
    const outcome = await write;
    this.titled.written(title);
    return outcome;
  }

  private progressOf(saga: Saga): RowProgress {
    const dueAt = nextDueAt(saga);
    const dueInMs = dueAt === undefined ? undefined : Math.max(0, Math.round(dueAt - this.host.clock.now()));
    return encodeProgress(saga, dueInMs, this.plannedSteps);
  }

  /** Nothing to do just now: sleep until something is due, or give the row back when that is far off. */
  private rest(): void {
    if (this.isIdle()) {
      // Not at once: who took the row over for an act has yet to hand the act in.
      this.setTimer(this.host.clock.now() + IDLE_GRACE_MS);
    } else {
      this.wakeAt(nextDueAt(this.saga) ?? Number.POSITIVE_INFINITY);
    }
  }

  private isIdle(): boolean {
    const dueAt = nextDueAt(this.saga) ?? Number.POSITIVE_INFINITY;
    const isWaiting = this.saga.branches.some((branch) => branch.isInFlight);
    return !isWaiting && dueAt - this.host.clock.now() > IDLE_AFTER_MS;
  }

  /** A timer that is set for earlier stays: most replies come long before it, and it then looks again. */
  private wakeAt(dueAt: number): void {
    if (dueAt < this.timerAt && dueAt < Number.POSITIVE_INFINITY) {
      this.setTimer(dueAt);
    }
  }

  private setTimer(at: number): void {
    this.timer?.cancel();
    this.timerAt = at;
    this.timer = this.host.clock.setTimer(Math.max(0, Math.ceil(at - this.host.clock.now())), () => {
      this.timerAt = Number.POSITIVE_INFINITY;
      this.wake();
    });
  }

  private wake(): void {
    if (this.isBusy || this.isReleased) {
      return;
    }
    if ((nextDueAt(this.saga) ?? Number.POSITIVE_INFINITY) <= this.host.clock.now()) {
      this.post({ type: 'tick' });
    } else if (this.isIdle()) {
      this.isBusy = true;
      void this.giveBack();
    } else {
      this.rest();
    }
  }

  private async giveBack(): Promise<void> {
    try {
      const outcome = await this.writeRow(this.saga, { owner: undefined, isUrgent: true });
      this.release(outcome === 'done' ? 'idle' : outcome);
    } catch (error) {
      this.crash(error);
    }
  }

  private release(how: Release): void {
    if (this.isReleased) {
      return;
    }
    this.isReleased = true;
    this.timer?.cancel();
    this.host.released(this, how);
    for (const letter of this.letters.splice(0)) {
      if (letter.event.type === 'mark') {
        letter.resolve?.(this.saga);
      } else {
        letter.reject?.(new DriverReleasedError(this.gid));
      }
    }
  }

  private send(commands: readonly CallCommand[]): void {
    if (commands.length === 0) {
      return;
    }
    const now = this.host.clock.now();
    for (const command of commands) {
      const { dueAt = 0 } = branchOf(this.saga, command.branchId);
      this.host.send(this.address(command, now), Math.max(0, dueAt - now));
    }
  }

  private address(command: CallCommand, now: number): BranchCommand {
    const { saga, envelope } = this;
    const { service, action, led } = stepOf(saga, command.branchId);
    const { branchId, op, round, attempt, input, output } = command;
    return {
      gid: this.gid,
      branchId,
      op,
      round,
      attempt,
      service,
      action,
      input,
      output,
      reason: op === 'compensate' ? saga.abort?.message : undefined,
      led: ledContext(saga, envelope),
      nonce: led?.nonce,
      remainingMs: remainingMs(saga, now),
      issuedAt: now,
      lane: envelope.lane,
      traceparent: envelope.traceparent,
      baggage: envelope.baggage,
    };
  }
}

/** What a participant has to know of the transaction whose branch it ends. */
function ledContext({ plan: { led } }: Saga, { initiator }: Envelope): LedContext | undefined {
  return led === undefined || initiator === undefined ? undefined : { ...led, initiator };
}

/** A decision has no deadline, and what is led is sent nothing before it. */
function remainingMs({ deadlineAt, plan: { led } }: Saga, now: number): number | undefined {
  return deadlineAt === undefined || led !== undefined ? undefined : Math.max(0, deadlineAt - now);
}

/** The driver let go of the saga before the event was taken; whoever asked may ask the log again. */
export class DriverReleasedError extends Error {
  override readonly name = 'DriverReleasedError';

  constructor(readonly gid: string) {
    super(`Transaction ${gid} is no longer driven by this instance.`);
  }
}
