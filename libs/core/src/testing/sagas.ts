import type { Plan, PlanStep } from '../plan.js';
import type { BranchReply, OperatorAct, ReplyEvent, SagaEvent, Transition } from '../saga.event.js';
import { advanceSaga } from '../saga.machine.js';
import { branchOf, newSaga, type Branch, type BranchOp, type Saga } from '../saga.state.js';
import { frozen } from './frozen.js';
import { fixedRandom, planOf, step } from './plans.js';

export const NOW = 1_000_000;

export const ANN = { by: 'ann', reason: 'because' } as const;

/** Returns a saga of `plan` as it is before anything was sent. */
export function acceptedSaga(plan: Plan, deadlineAt?: number): Saga {
  return newSaga({ gid: 'g1', plan, acceptedAt: NOW, deadlineAt });
}

/** Returns a saga with one branch, `pay`, in the state that `change` tells, and another one that is in flight. */
export function sagaOfPay(
  change: Partial<Branch>,
  circumstances: { readonly step?: Partial<PlanStep>; readonly saga?: Partial<Saga> } = {},
): Saga {
  const saga = acceptedSaga(planOf(step('pay', circumstances.step), step('mail')));
  const isAborting = circumstances.saga?.state === 'aborting';
  const other = { ...CALLING, state: isAborting ? 'compensating' : 'calling', dueAt: NOW + 5000 } as const;
  const branches = saga.branches.map((branch) => ({
    ...branch,
    ...(branch.branchId === 'pay' ? change : other),
  }));
  return { ...saga, branches, ...circumstances.saga };
}

/** What it is to be called: the first attempt is in flight. */
export const CALLING = {
  state: 'calling',
  attempt: 1,
  isInFlight: true,
  wasSent: true,
  dueAt: NOW + 10_000,
} as const satisfies Partial<Branch>;

/** No answer to the first attempt; the second one is due in a second. */
export const UNKNOWN: Partial<Branch> = {
  state: 'unknown',
  attempt: 1,
  wasSent: true,
  dueAt: NOW + 1000,
  lastError: { class: 'timeout', message: 'slow', at: NOW },
};

export const COMPENSATING: Partial<Branch> = { ...CALLING, state: 'compensating' };

/** Advances at `NOW`, or `laterMs` after it, with pauses as long as they can be. */
export function advance(saga: Saga, event: SagaEvent, laterMs = 0): Transition {
  return advanceSaga(frozen(saga), frozen(event), { now: NOW + laterMs, random: fixedRandom(1) });
}

/** Returns a reply to the first attempt in the first round of an op at `pay`. */
export function replyTo(op: BranchOp, reply: BranchReply, change: Partial<ReplyEvent> = {}): ReplyEvent {
  return { type: 'reply', branchId: 'pay', op, round: 1, attempt: 1, reply, ...change };
}

export function act(type: OperatorAct['type'], branchId?: string): OperatorAct {
  return { type, ...ANN, ...(branchId === undefined ? {} : { branchId }) } as OperatorAct;
}

/** Returns what has become of `pay`. */
export function payOf({ saga }: Transition): Branch {
  return branchOf(saga, 'pay');
}
