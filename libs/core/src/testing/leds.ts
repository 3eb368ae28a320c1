import type { Decision, LedBranch } from '../led.branch.js';
import { activeLed, decidedLed } from '../led.plan.js';
import type { BranchReply, CallCommand, SagaEvent, Transition } from '../saga.event.js';
import { advanceSaga } from '../saga.machine.js';
import { branchOf, type Branch, type BranchState, type Saga } from '../saga.state.js';
import { frozen } from './frozen.js';
import { fixedRandom } from './plans.js';
import { checkLaws } from './saga.laws.js';
import { NOW } from './sagas.js';

export const LED = { secretHash: 'hash-of-secret', epoch: 1 } as const;

/** When a led transaction that is not decided aborts. */
export const DEADLINE_MS = 30_000;

/** The pauses and counts that the default policy has, for those who count with them. */
export const REPLY_TIMEOUT_MS = 10_000;
export const END_ATTEMPT_COUNT_MAX = 50;

/** Returns a branch of a library that has a try, unless `change` says otherwise. */
export function ledBranch(branchId: string, change: Partial<LedBranch> = {}): LedBranch {
  return {
    branchId,
    service: `service-${branchId}`,
    action: 'hold',
    kind: 'tcc',
    nonce: `nonce-${branchId}`,
    inputHash: `hash-${branchId}`,
    ...change,
  };
}

/** Returns a branch of a service that keeps no barrier. */
export function plainBranch(branchId: string, change: Partial<LedBranch> = {}): LedBranch {
  return ledBranch(branchId, { nonce: undefined, inputHash: undefined, ...change });
}

/** Returns the initiator's decision on branches that are named, or told of in full. */
export function decision(
  to: Decision['to'],
  branches: readonly (string | LedBranch)[],
  change: Partial<Decision> = {},
): Decision {
  const told = branches.map((branch) => (typeof branch === 'string' ? ledBranch(branch) : branch));
  return { to, secretHash: LED.secretHash, branches: told, registered: [], thrown: [], ...change };
}

/** Returns a led transaction that was decided before the log knew of it. */
export function decided(asked: Decision): Saga {
  return decidedLed({ gid: 'g1', name: 'test', led: LED, acceptedAt: NOW }, asked);
}

/** Returns a led transaction of which only registered branches are known. */
export function active(...branches: readonly (string | LedBranch)[]): Saga {
  const start = {
    gid: 'g1',
    name: 'test',
    led: LED,
    acceptedAt: NOW,
    deadlineAt: NOW + DEADLINE_MS,
  };
  return activeLed(
    start,
    branches.map((branch) => (typeof branch === 'string' ? ledBranch(branch) : branch)),
  );
}

/** A led transaction and its one driver. Each step is held against the laws. */
export class LedStory {
  /** What the latest event led to. */
  last: Transition;
  private now = NOW;
  private readonly sent = new Map<string, CallCommand>();

  constructor(saga: Saga) {
    this.last = { saga, commands: [], durability: 'lazy' };
  }

  /** Returns the story of a transaction whose driver has just written the decision and begins. */
  static decided(asked: Decision): LedStory {
    return new LedStory(decided(asked)).take({ type: 'start' });
  }

  get saga(): Saga {
    return this.last.saga;
  }

  /** What was sent last, as `confirm 1`. */
  get sentNow(): string[] {
    return this.last.commands.map(({ op, branchId }) => `${op} ${branchId}`);
  }

  /** The states of the branches by their ids. */
  get states(): Record<string, BranchState> {
    return Object.fromEntries(this.saga.branches.map(({ branchId, state }) => [branchId, state]));
  }

  branch(branchId: string): Branch {
    return branchOf(this.saga, branchId);
  }

  take(event: SagaEvent, laterMs = 0): this {
    this.now += laterMs;
    const before = this.saga;
    this.last = advanceSaga(frozen(before), frozen(event), { now: this.now, random: fixedRandom(1) });
    checkLaws({ before, event, now: this.now, after: this.last });
    for (const command of this.last.commands) {
      this.sent.set(command.branchId, command);
    }
    return this;
  }

  /** Answers what was sent last to a branch. */
  answer(branchId: string, reply: BranchReply, change: Partial<CallCommand> = {}): this {
    const command = this.sent.get(branchId);
    if (command === undefined) {
      throw new Error(`Nothing was sent to ${branchId}.`);
    }
    const { op, round, attempt } = { ...command, ...change };
    return this.take({ type: 'reply', branchId, op, round, attempt, reply });
  }
}

export const CONFIRMED: BranchReply = { outcome: 'confirmed' };
export const UNDONE: BranchReply = { outcome: 'undone', wasEmpty: false };
export const LOST: BranchReply = { outcome: 'lost', message: 'There is no row.' };
export const NO: BranchReply = { outcome: 'refused', refusal: { reason: 'sold out', isStored: true } };
export const DOWN: BranchReply = { outcome: 'unknown', error: { class: 'unreachable', message: 'down' } };
