import type { CallCommand, Durability, Moment, Transition } from './saga.event.js';
import { resolveInput, isPlanInput } from './plan.input.js';
import type { Json } from './json.js';
import {
  branchOf,
  positionOf,
  retryOf,
  stepOf,
  type Actor,
  type Branch,
  type BranchOp,
  type BranchState,
  type HistoryEntry,
  type Saga,
  type StuckReason,
} from './saga.state.js';

const HISTORY_COUNT_MAX = 200;
const HISTORY_HEAD_COUNT = 20;

/** Participants word errors and refusals; a stack trace in each of 200 entries would outgrow the row. */
const HISTORY_MESSAGE_LENGTH_MAX = 500;

/** What is kept once for a branch may be longer: it is what an operator goes by. */
export const MESSAGE_LENGTH_MAX = 4000;

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/**
 * A transition in the making: the saga so far, the commands so far. Lives for one call of `advanceSaga`
 * and never leaves it.
 *
 * The saga that was given stays as it is: what of it is changed is copied first, and the copy then changed in place, so
 * that an event costs one copy of each part, however many changes it makes.
 */
export class Draft {
  readonly commands: CallCommand[] = [];
  durability: Durability = 'lazy';
  private current: Saga;

  /** `given`: whatever is the same in it is not the draft's own. */
  constructor(
    private given: Saga,
    readonly moment: Moment,
  ) {
    this.current = given;
  }

  get saga(): Saga {
    return this.current;
  }

  get now(): number {
    return this.moment.now;
  }

  branch(branchId: string): Branch {
    return branchOf(this.saga, branchId);
  }

  /** Goes on with another saga, which somebody else has made of this one. */
  replace(saga: Saga): void {
    this.given = saga;
    this.current = saga;
  }

  change(change: Partial<Saga>): void {
    Object.assign(this.ownSaga(), change);
  }

  changeBranch(branchId: string, change: Partial<Branch>): void {
    Object.assign(this.ownBranch(branchId), change);
  }

  /** Keeps the first entries and the latest ones; what falls out between them is counted. */
  note({ what, branchId, round, attempt, by, message }: Omit<HistoryEntry, 'at'>): void {
    const clipped = message === undefined ? undefined : clip(message, HISTORY_MESSAGE_LENGTH_MAX);
    const history = this.ownHistory();
    history.push({ at: this.now, what, branchId, round, attempt, by, message: clipped });
    if (history.length > HISTORY_COUNT_MAX) {
      history.splice(HISTORY_HEAD_COUNT, 1);
      this.ownSaga().historyDroppedCount += 1;
    }
  }

  /** Asks that the state be on disk before the commands go out. */
  durableFirst(): void {
    if (this.durability === 'lazy') {
      this.durability = 'first';
    }
  }

  /** Begins to close the round under way: whatever was asked in it counts no more, unless it ran. */
  close(branchId: string, closing: Actor): void {
    this.changeBranch(branchId, {
      closing,
      mayBeClosed: true,
      stuck: undefined,
      attempt: 0,
      isInFlight: false,
      dueAt: this.now,
    });
  }

  /** Leaves a branch out for good. */
  skipNow(branchId: string, { by, reason }: Actor, message?: string): void {
    const op = SKIPPED_OP[this.branch(branchId).state] ?? 'action';
    this.changeBranch(branchId, {
      state: 'skipped',
      skip: { by, reason, op },
      isInFlight: false,
      dueAt: undefined,
      stuck: undefined,
      closing: undefined,
      mayBeClosed: undefined,
      endedAt: this.now,
    });
    this.note({ what: 'skipped', branchId, by, message });
    this.durableFirst();
  }

  stick(branchId: string, reason: StuckReason, message: string): void {
    this.changeBranch(branchId, {
      isInFlight: false,
      dueAt: undefined,
      closing: undefined,
      stuck: { reason, message: clip(message, MESSAGE_LENGTH_MAX), since: this.now },
    });
    this.note({ what: 'stuck', branchId, message: `${reason}: ${message}` });
    this.durableFirst();
  }

  /** Leaves the saga as a whole to an operator. */
  stickAll(reason: StuckReason, message: string): void {
    this.change({ stuck: { reason, message, since: this.now } });
    this.note({ what: 'stuck', message: `${reason}: ${message}` });
    this.durableFirst();
  }

  /** Counts an attempt and sends it. An input that cannot be made up sticks the branch instead. */
  send(branchId: string, op: BranchOp): void {
    const content = this.contentOf(branchId, op);
    if (content === undefined) {
      return;
    }
    const step = stepOf(this.saga, branchId);
    const branch = this.branch(branchId);
    const attempt = branch.attempt + 1;
    // The pivot: after a crash nobody may abort what may have been decided. No barrier: nobody else remembers the send.
    if (!step.hasBarrier || (step.pivot && !branch.wasSent)) {
      this.durableFirst();
    }
    this.changeBranch(branchId, {
      attempt,
      isInFlight: true,
      dueAt: this.now + retryOf(this.saga, step).replyTimeoutMs,
      startedAt: branch.startedAt ?? this.now,
      wasSent: branch.wasSent || op === 'action',
    });
    const round = roundOf(branch, op);
    const { input, output } = content;
    this.commands.push({ type: 'call', branchId, op, round, attempt, input, output });
  }

  finish(): Transition {
    return { saga: this.saga, commands: this.commands, durability: this.durability };
  }

  private ownSaga(): Mutable<Saga> {
    if (this.current === this.given) {
      this.current = { ...this.given };
    }
    return this.current;
  }

  private ownBranch(branchId: string): Mutable<Branch> {
    const branch = this.branch(branchId);
    const position = positionOf(this.current, branchId);
    if (branch !== this.given.branches[position]) {
      return branch;
    }
    const own = { ...branch };
    this.ownBranches()[position] = own;
    return own;
  }

  private ownBranches(): Branch[] {
    const saga = this.ownSaga();
    if (saga.branches === this.given.branches) {
      saga.branches = [...saga.branches];
    }
    return saga.branches as Branch[];
  }

  private ownHistory(): HistoryEntry[] {
    const saga = this.ownSaga();
    if (saga.history === this.given.history) {
      saga.history = [...saga.history];
    }
    return saga.history as HistoryEntry[];
  }

  /** Returns what goes with the op: a barrier remembers an action's input and output for the end, other endpoints do not. */
  private contentOf(branchId: string, op: BranchOp): { input?: Json; output?: Json | undefined } | undefined {
    const { hasBarrier, input } = stepOf(this.saga, branchId);
    if (op !== 'action' && hasBarrier) {
      return {};
    }
    const output = this.branch(branchId).output;
    if (this.saga.plan.led !== undefined) {
      // What the initiator's own code has sent: nothing in it is a reference.
      return { input, output };
    }
    const resolved = resolveInput(input, (from) =>
      isPlanInput(from) ? this.saga.plan.input : this.branch(from).output,
    );
    if (!resolved.ok) {
      const { from, pointer } = resolved.missing;
      this.stick(branchId, 'bad-payload', `Its input refers to '${pointer}' of '${from}', where nothing is.`);
      return undefined;
    }
    return { input: resolved.input, output };
  }
}

/** Shortens `text` without leaving half of a character, which PostgreSQL would not store. */
export function clip(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax).replace(/[\uD800-\uDBFF]$/u, '')}…`;
}

const SKIPPED_OP: Partial<Record<BranchState, 'confirm' | 'compensate'>> = {
  confirming: 'confirm',
  compensating: 'compensate',
};

/** What an op is for: to carry the branch out, or to bring it one decision or the other. */
export type Direction = 'action' | 'confirm' | 'compensate';

export function directionOf(op: BranchOp): Direction {
  switch (op) {
    case 'action':
    case 'close-action':
      return 'action';
    case 'confirm':
    case 'close-confirm':
      return 'confirm';
    case 'compensate':
    case 'close-compensate':
      return 'compensate';
  }
}

/** Returns the round in which a branch is asked for an op. */
export function roundOf(branch: Branch, op: BranchOp): number {
  return directionOf(op) === 'action' ? branch.round : branch.undoRound;
}
