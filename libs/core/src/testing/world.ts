import { ActRefusedError } from '../errors.js';
import { advanceSaga } from '../saga.machine.js';
import type {
  BranchReply,
  CallCommand,
  OperatorAct,
  ReplyEvent,
  SagaEvent,
  Transition,
} from '../saga.event.js';
import { isEnded, nextDueAt, stuckOf, type Saga } from '../saga.state.js';
import { frozen } from './frozen.js';
import { seededRandom } from './plans.js';
import { check, checkLaws } from './saga.laws.js';

/** Whoever answers for one branch. */
export interface Participant {
  readonly branchId: string;
  answer(command: CallCommand): BranchReply;
  /** From now on it does as it is told. */
  heal(): void;
}

/** One thing that the world does next; `at` picks among what there is. */
export interface Move {
  readonly kind:
    | 'deliver'
    | 'deliver-twice'
    | 'drop'
    | 'answer'
    | 'answer-twice'
    | 'lose'
    | 'forward'
    | 'tick'
    | 'early-tick'
    | 'wait'
    | 'save'
    | 'crash'
    | 'overtake'
    | 'cut-write'
    | 'act'
    | 'initiator';
  readonly at: number;
}

export const STARTED_AT = 1_000_000;

const TAKEN_AFTER_THE_END: ReadonlySet<SagaEvent['type']> = new Set(['reply', 'enlist', 'decide']);

/** A coordinator with its own idea of the saga. It may have lost the row to another one and not know it. */
export interface Driver {
  saga: Saga;
  readonly version: number;
}

/**
 * A saga among everything that can go wrong around it: coordinators that crash or are overtaken without noticing, a row
 * that lags behind as far as the durability rule allows, messages that are lost, late or doubled, operators.
 */
export abstract class World<Party extends Participant> {
  readonly trace: string[] = [];
  /** What is on disk. */
  row: { saga: Saga; version: number };
  protected now = STARTED_AT;
  private readonly random;
  protected holder: Driver;
  private zombies: Driver[] = [];
  private commands: { command: CallCommand; from: Driver }[] = [];
  private replies: { reply: ReplyEvent; to: Driver }[] = [];
  private cut: 'no' | 'before-write' | 'after-write' = 'no';

  constructor(
    saga: Saga,
    readonly participants: readonly Party[],
    seed: number,
  ) {
    this.random = seededRandom(seed);
    this.row = { saga, version: 1 };
    this.holder = { saga, version: 1 };
    this.advance(this.holder, { type: 'start' });
  }

  get saga(): Saga {
    return this.holder.saga;
  }

  move({ kind, at }: Move): void {
    switch (kind) {
      case 'deliver':
      case 'deliver-twice':
      case 'drop':
        this.passCommand(at, kind);
        return;
      case 'answer':
      case 'answer-twice':
      case 'lose':
      case 'forward':
        this.passReply(at, kind);
        return;
      case 'tick':
        this.tickAtDue();
        return;
      case 'early-tick':
        this.now += at;
        this.advance(this.holder, { type: 'tick' });
        return;
      case 'wait':
        this.now += at;
        return;
      case 'save':
        this.row = { ...this.row, saga: this.holder.saga };
        return;
      case 'crash':
        this.takeOver();
        return;
      case 'overtake':
        this.zombies.push(this.holder);
        this.takeOver();
        return;
      case 'cut-write':
        this.cut = at % 2 === 0 ? 'before-write' : 'after-write';
        return;
      case 'act':
        this.advance(this.holder, this.actAt(at));
        return;
      case 'initiator':
        this.initiate(at, at % 7 === 0 ? (this.zombies[0] ?? this.holder) : this.holder);
        return;
    }
  }

  /** Lets everything arrive in order until nothing moves any more. */
  calmDown(): void {
    this.cut = 'no';
    for (let count = 0; count < 3000; count += 1) {
      const isAtRest = this.commands.length === 0 && this.replies.length === 0;
      if (!isAtRest) {
        this.passCommand(0, 'deliver');
        this.passReply(0, 'answer');
      } else if (isEnded(this.saga) || nextDueAt(this.saga) === undefined) {
        return;
      } else {
        this.tickAtDue();
      }
    }
    throw new Error('Broken: the world comes to rest.');
  }

  /** What a good operator does: has the participants repaired, lifts the pause, retries what is stuck. */
  repair(): void {
    for (const participant of this.participants) {
      participant.heal();
    }
    const actor = { by: 'ann', reason: 'repaired' };
    if (this.saga.paused !== undefined) {
      this.advance(this.holder, { type: 'resume', ...actor });
    }
    if (stuckOf(this.saga) !== undefined) {
      this.advance(this.holder, { type: 'retry', ...actor });
    }
  }

  private passCommand(at: number, kind: 'deliver' | 'deliver-twice' | 'drop'): void {
    const entry = this.commands[at % this.commands.length];
    if (entry === undefined) {
      return;
    }
    if (kind !== 'deliver-twice') {
      this.commands = this.commands.filter((other) => other !== entry);
    }
    if (kind === 'drop') {
      return;
    }
    const { command, from } = entry;
    const participant = this.participants.find((each) => each.branchId === command.branchId);
    check(participant !== undefined, 'a command goes to a participant');
    const { branchId, op, round, attempt } = command;
    const reply: ReplyEvent = {
      type: 'reply',
      branchId,
      op,
      round,
      attempt,
      reply: participant.answer(command),
    };
    this.trace.push(`${branchId} ${op} r${round} #${attempt} -> ${reply.reply.outcome}`);
    this.checkAnswer(command);
    this.replies.push({ reply, to: from });
  }

  private passReply(at: number, kind: 'answer' | 'answer-twice' | 'lose' | 'forward'): void {
    const entry = this.replies[at % this.replies.length];
    if (entry === undefined) {
      return;
    }
    if (kind !== 'answer-twice') {
      this.replies = this.replies.filter((other) => other !== entry);
    }
    const to = kind === 'forward' ? this.holder : entry.to;
    if (kind !== 'lose' && (to === this.holder || this.zombies.includes(to))) {
      this.advance(to, entry.reply);
    }
  }

  private tickAtDue(): void {
    const dueAt = nextDueAt(this.saga);
    if (dueAt !== undefined && !isEnded(this.saga)) {
      this.now = Math.max(this.now, dueAt);
      this.advance(this.holder, { type: 'tick' });
    }
  }

  private takeOver(): void {
    if (isEnded(this.row.saga)) {
      this.holder = { ...this.row };
      return;
    }
    this.row = { ...this.row, version: this.row.version + 1 };
    this.holder = { ...this.row };
    this.advance(this.holder, { type: 'claim', by: `c${this.row.version}` });
  }

  /** What the initiator asks of a driver, who may have lost the row and not know it. */
  protected abstract initiate(at: number, driver: Driver): void;

  /** Checks what the participants have come to by a command that was answered. */
  protected abstract checkAnswer(command: CallCommand): void;

  /** Checks what who holds the row has come to know. */
  protected abstract checkHolder(saga: Saga): void;

  /** Returns what the event has led to, or undefined when it was refused or nobody was there to take it. */
  protected advance(driver: Driver, event: SagaEvent): Transition | undefined {
    const before = driver.saga;
    if (isEnded(before) && !TAKEN_AFTER_THE_END.has(event.type)) {
      return undefined;
    }
    try {
      const after = advanceSaga(frozen(before), frozen(event), { now: this.now, random: this.random });
      this.trace.push(
        `${driver.version}: ${describe(event)} => ${describeSaga(after.saga)} ${after.durability}`,
      );
      checkLaws({ before, event, now: this.now, after });
      if (driver === this.holder) {
        this.checkHolder(after.saga);
      }
      this.carryOut(driver, after);
      return after;
    } catch (error) {
      if (!(error instanceof ActRefusedError)) {
        throw error;
      }
      return undefined;
    }
  }

  private carryOut(driver: Driver, after: Transition): void {
    if (after.durability !== 'lazy') {
      const { cut } = this;
      this.cut = 'no';
      if (driver.version !== this.row.version) {
        // The write shows that the row belongs to somebody else.
        this.zombies = this.zombies.filter((zombie) => zombie !== driver);
        return;
      }
      if (cut === 'before-write') {
        this.takeOver();
        return;
      }
      this.row = { ...this.row, saga: after.saga };
      if (cut === 'after-write') {
        this.takeOver();
        return;
      }
    }
    driver.saga = after.saga;
    this.commands.push(...after.commands.map((command) => ({ command, from: driver })));
  }

  private actAt(at: number): OperatorAct {
    const actor = { by: 'ann', reason: 'because' };
    const branchId = this.participants[at % this.participants.length]?.branchId ?? '';
    const acts: OperatorAct[] = [
      { type: 'retry', ...actor },
      { type: 'retry', branchId, ...actor },
      { type: 'skip', branchId, ...actor },
      { type: 'skip', branchId, ...actor },
      { type: 'abort', ...actor },
      { type: 'pause', ...actor },
      { type: 'resume', ...actor },
    ];
    return acts[Math.floor(at / this.participants.length) % acts.length] ?? { type: 'abort', ...actor };
  }
}

function describe(event: SagaEvent): string {
  switch (event.type) {
    case 'reply':
      return `reply ${event.branchId} ${event.op} r${event.round} #${event.attempt} ${event.reply.outcome}`;
    case 'retry':
    case 'skip':
      return `${event.type} ${event.branchId ?? 'all'}`;
    case 'reachable':
      return `reachable ${event.service}`;
    case 'start':
    case 'claim':
    case 'enlist':
    case 'decide':
    case 'tick':
    case 'abort':
    case 'pause':
    case 'resume':
    case 'resolve':
      return event.type;
  }
}

function describeSaga(saga: Saga): string {
  const branches = saga.branches.map(
    (branch) =>
      `${branch.branchId}:${branch.state}${branch.isInFlight ? '>' : ''}${branch.stuck === undefined ? '' : '!'}`,
  );
  return `${saga.state}${saga.paused === undefined ? '' : ' paused'} ${branches.join(' ')}`;
}
