/**
 * The orchestrated saga: the coordinator calls the actions of a plan and, when it cannot go on, undoes them. A led
 * transaction joins it where it is decided: its initiator has called the actions, and the machine only ends them.
 *
 *                    pivot's yes                       all done
 *        running ───────────────────▶ committing ───────────────────▶ committed
 *           │ └───────────────────────────────────────────────────────────▲
 *           │              all done (a plan without a pivot)
 *           │
 *           │ refused, out of attempts, deadline, operator      all undone
 *           └──────────────────────▶ aborting ───────────────────────▶ aborted
 *
 *        active ──▶ committing ──▶ committed     led: all on the list confirmed, what threw undone
 *           └─────▶ aborting ──▶ aborted         led: by the initiator, the deadline or an operator
 *
 *   pause, stuck          attributes beside the state: nothing forgets what was decided
 *   abort after the pivot ActRefusedError, until the pivot's stored answer is known; never after its yes
 *   deadline after that   ignored
 *   reply that is late    ignored: the op, round and attempt say what it belongs to
 *   enlist after a decision, decide otherwise   AlreadyDecidedError; the same decision again is ignored
 *   any other event after the end, but a late reply   IllegalTransitionError
 *
 * A branch goes forward by pending → calling ⇄ unknown → done | refused, and back by compensating → compensated. In a
 * led transaction it begins as done, or as unknown when its call threw, and goes on by confirming → confirmed or by
 * compensating → compensated, never both.
 */
import { applyAct } from './saga.act.js';
import { Draft } from './saga.draft.js';
import { IllegalTransitionError } from './errors.js';
import { decide, enlist } from './led.act.js';
import type { Moment, SagaEvent, Transition } from './saga.event.js';
import { applyReply, applyUnknown, isExpected, weigh } from './saga.reply.js';
import { settle } from './saga.settle.js';
import { awaitsService, isEnded, isForgone, stepOf, type Saga } from './saga.state.js';

/**
 * Returns what an event makes of `saga`, and what is to be sent.
 *
 * @throws {ActRefusedError} when an operator asks for what the state forbids.
 * @throws {IllegalTransitionError} when the saga has ended and the event cannot come any more.
 */
export function advanceSaga(saga: Saga, arrived: SagaEvent, moment: Moment): Transition {
  const event = arrived.type === 'reply' ? weigh(saga, arrived) : arrived;
  const draft = new Draft(saga, moment);
  if (isEnded(saga)) {
    return afterTheEnd(draft, event);
  }
  if (event.type === 'reply' && !isExpected(saga, event)) {
    return draft.finish();
  }
  apply(draft, event);
  settle(draft);
  return draft.finish();
}

function apply(draft: Draft, event: SagaEvent): void {
  switch (event.type) {
    case 'start':
      return;
    case 'claim':
      claim(draft, event.by);
      if (event.act !== undefined) {
        applyAct(draft, event.act);
      }
      return;
    case 'tick':
      giveUpReplies(draft);
      return;
    case 'reachable':
      wake(draft, event.service);
      return;
    case 'enlist':
      enlist(draft, event.branches);
      return;
    case 'decide':
      decide(draft, event.decision);
      return;
    case 'reply':
      applyReply(draft, event);
      return;
    case 'retry':
    case 'skip':
    case 'abort':
    case 'pause':
    case 'resume':
    case 'resolve':
      applyAct(draft, event);
      return;
  }
}

/**
 * What the former driver had in flight is asked again at once, as the same attempt: the barriers answer from what
 * they stored. Where there is no barrier the call may still be running, so it is given the time it had.
 */
function claim(draft: Draft, by: string): void {
  draft.change({ memory: 'broken' });
  for (const branch of draft.saga.branches) {
    if (branch.isInFlight && stepOf(draft.saga, branch.branchId).hasBarrier) {
      draft.changeBranch(branch.branchId, {
        isInFlight: false,
        attempt: branch.attempt - 1,
        dueAt: isForgone(draft.saga, branch) ? undefined : draft.now,
      });
    }
  }
  forgetLook(draft);
  draft.note({ what: 'claimed', by });
}

/** A row that waits for an operator is looked at every hour; those looks must not push out what happened before. */
function forgetLook(draft: Draft): void {
  const { history } = draft.saga;
  if (history.at(-1)?.what === 'claimed') {
    draft.change({ history: history.slice(0, -1) });
  }
}

function wake(draft: Draft, service: string): void {
  for (const branch of draft.saga.branches) {
    if (awaitsService(draft.saga, branch, service)) {
      draft.changeBranch(branch.branchId, { dueAt: Math.min(branch.dueAt ?? draft.now, draft.now) });
    }
  }
}

function giveUpReplies(draft: Draft): void {
  for (const branch of draft.saga.branches) {
    if (branch.isInFlight && branch.dueAt !== undefined && branch.dueAt <= draft.now) {
      applyUnknown(draft, branch.branchId, { class: 'timeout', message: 'No reply came in time.' });
    }
  }
}

function afterTheEnd(draft: Draft, event: SagaEvent): Transition {
  if (event.type === 'enlist' || event.type === 'decide') {
    apply(draft, event);
    return draft.finish();
  }
  if (event.type === 'reply' || event.type === 'reachable') {
    return draft.finish();
  }
  throw new IllegalTransitionError(draft.saga.state, event.type);
}
