import { ancestorsByStep } from '../plan.graph.js';
import { directionOf } from '../saga.draft.js';
import type { CallCommand, SagaEvent, Transition } from '../saga.event.js';
import {
  branchOf,
  isEnded,
  isLeftUnanswered,
  nextDueAt,
  outcomeOf,
  positionOf,
  retryOf,
  stepOf,
  stuckOf,
  type Branch,
  type BranchState,
  type Saga,
} from '../saga.state.js';

/** One step of a saga as its driver saw it. */
export interface Observed {
  readonly before: Saga;
  readonly event: SagaEvent;
  readonly now: number;
  readonly after: Transition;
}

/** Throws when a transition breaks what holds for every transition whatsoever. */
export function checkLaws(observed: Observed): void {
  checkDecision(observed);
  checkDurability(observed);
  checkLiveness(observed);
  checkAbort(observed);
  checkReply(observed);
  for (const branch of observed.after.saga.branches) {
    checkWaiting(observed.after.saga, branch);
    if (positionOf(observed.before, branch.branchId) !== -1) {
      checkBranch(observed, branchOf(observed.before, branch.branchId), branch);
    }
  }
  if (observed.after.saga.plan.led !== undefined) {
    checkLed(observed);
  }
  for (const command of observed.after.commands) {
    checkCommand(observed, command);
  }
}

export function check(holds: boolean, law: string): asserts holds {
  if (!holds) {
    throw new Error(`Broken: ${law}.`);
  }
}

function checkDecision({ before, after: { saga: after } }: Observed): void {
  const [was, is] = [outcomeOf(before.state), outcomeOf(after.state)];
  check(
    was === 'undecided' || was === is,
    `a decision never changes, yet ${before.state} became ${after.state}`,
  );
  check(!isEnded(before) || before === after, 'the end is final');
  check(before.state === 'active' || after.plan === before.plan, 'no branch joins');
  check(
    before.branches.every(({ branchId }) => positionOf(after, branchId) !== -1),
    'no branch leaves',
  );
}

function checkDurability({ before, event, after: { saga: after, durability, commands } }: Observed): void {
  const isNewlyEnded = isEnded(after) && !isEnded(before);
  check((durability === 'end') === isNewlyEnded, `durability 'end' exactly at the end, yet ${durability}`);
  if (durability !== 'lazy') {
    return;
  }
  const isAct = ['retry', 'skip', 'abort', 'pause', 'resume'].includes(event.type);
  check(after.plan === before.plan, 'what is told of branches is durable first');
  check(!isAct, 'acts are durable first');
  check(
    outcomeOf(after.state) !== 'aborted' || outcomeOf(before.state) === 'aborted',
    'abort is durable first',
  );
  for (const branch of after.branches) {
    const was = branchOf(before, branch.branchId);
    const { hasBarrier, pivot } = stepOf(after, branch.branchId);
    const isRaised = branch.round > was.round || branch.undoRound > was.undoRound;
    check(!isRaised, 'a new round is durable first');
    check(!pivot || was.wasSent || !branch.wasSent, '"pivot sent" is durable first');
    check(hasBarrier || !isTalk(was, branch, commands), 'a plain endpoint is durable first');
    check(branch.stuck === was.stuck, 'what is stuck, and no more, is durable first');
  }
}

function isTalk(was: Branch, branch: Branch, commands: readonly CallCommand[]): boolean {
  const isSent = commands.some((command) => command.branchId === branch.branchId);
  if (was.state === 'done' && branch.state === 'confirmed') {
    return false;
  }
  return isSent || was.state !== branch.state || was.isInFlight !== branch.isInFlight;
}

function checkLiveness({ before, event, now, after: { saga: after, commands } }: Observed): void {
  const dueAt = nextDueAt(after);
  const isVisible = isEnded(after) || stuckOf(after) !== undefined || after.paused !== undefined;
  check(isVisible || dueAt !== undefined, 'a live saga is due, stuck or paused');
  if (event.type === 'tick' && !isEnded(after)) {
    // Both together: whoever ticks when something is due never has to tick again at once.
    check(dueAt === undefined || dueAt > now, `what is due at ${dueAt} is done by the tick at ${now}`);
    const wasDueAt = nextDueAt(before) ?? Infinity;
    check(wasDueAt > now || before !== after || commands.length > 0, 'a tick in time makes progress');
  }
}

function checkAbort({ before, after: { saga: after } }: Observed): void {
  const code = before.abort === undefined ? after.abort?.code : undefined;
  const isByItself = code === 'attempts' || code === 'deadline';
  check(!isByItself || after.paused === undefined, 'a paused saga does not abort by itself');
  check(
    !isByItself || before.state === 'active' || !after.branches.every(({ state }) => state === 'done'),
    'what is all done commits',
  );
}

function checkReply({ before, event, after: { saga: after } }: Observed): void {
  if (event.type === 'reply') {
    const { round, undoRound, attempt } = branchOf(before, event.branchId);
    const isOfRound = event.round === (event.op.endsWith('action') ? round : undoRound);
    const isOfAttempt = event.attempt === attempt;
    const isVague = event.reply.outcome === 'unknown' || event.reply.outcome === 'not-yet';
    check(
      before === after || (isOfRound && (isOfAttempt || !isVague)),
      'a reply to what is over changes nothing',
    );
  }
}

const NEXT_STATES: Readonly<Record<BranchState, readonly BranchState[]>> = {
  pending: ['calling', 'skipped', 'compensating'],
  calling: ['done', 'refused', 'unknown', 'skipped', 'compensating', 'pending'],
  unknown: ['calling', 'done', 'refused', 'skipped', 'compensating', 'pending'],
  done: ['compensating', 'confirming', 'confirmed'],
  confirming: ['confirmed', 'skipped'],
  confirmed: [],
  refused: ['calling', 'skipped', 'compensating'],
  compensating: ['compensated', 'skipped'],
  compensated: [],
  skipped: ['compensating'],
};

function checkBranch({ event, after: { saga } }: Observed, was: Branch, branch: Branch): void {
  const { state } = branch;
  const { pivot, hasBarrier } = stepOf(saga, branch.branchId);
  check(
    state !== 'pending' || was.state === state || !was.wasSent,
    'what was sent is never again as if it was not',
  );
  check(was.state === state || NEXT_STATES[was.state].includes(state), `no ${was.state} becomes ${state}`);
  checkRefused(saga, was, branch);
  if (state === 'skipped' && branch.skip?.op === 'action' && was.state !== 'skipped') {
    check(!pivot, 'a pivot is not skipped');
    check(hasBarrier || !was.isInFlight || event.type === 'reply', 'no skip of a call that may still run');
  }
}

function checkRefused(saga: Saga, was: Branch, { branchId, state, closing }: Branch): void {
  if (state === 'refused' && was.closing !== undefined && closing === undefined) {
    const isAbortedByAnother = saga.abort !== undefined && saga.abort.branchId !== branchId;
    check(isAbortedByAnother, 'a refusal does not undo the wish to skip');
  }
  if (state === 'compensating' && was.state === 'refused') {
    check(was.refusal?.isStored !== true, 'a stored refusal is not undone');
  }
}

function checkWaiting(saga: Saga, { state, stuck, closing, isInFlight, dueAt }: Branch): void {
  const isUnderWay = isInFlight || dueAt !== undefined;
  check(stuck === undefined || !isUnderWay, 'what is stuck waits for nothing else');
  if (['done', 'skipped', 'compensated', 'confirmed'].includes(state)) {
    check(stuck === undefined && !isUnderWay, 'what has ended is not under way');
  }
  if (saga.state === 'aborting' && state !== 'compensating') {
    check(stuck === undefined && closing === undefined, 'an abort frees what waits for an operator');
  }
}

function checkCommand(observed: Observed, command: CallCommand): void {
  const after = observed.after.saga;
  const { branchId } = command;
  const step = stepOf(after, branchId);
  const branch = branchOf(after, branchId);
  const policy = retryOf(after, step);
  const direction = directionOf(command.op);
  const isUndo = direction === 'compensate';
  const isEnd = direction !== 'action';
  check(direction === wantedOf(after, branchId), `no ${command.op} while ${after.state}`);
  check(after.paused === undefined, 'nothing is sent while paused');
  check(
    command.round === (isEnd ? branch.undoRound : branch.round),
    'a command carries the round of its branch',
  );
  check(
    command.attempt >= 1 && command.attempt <= (isEnd ? policy.undoAttemptCountMax : policy.attemptCountMax),
    `attempt ${command.attempt} keeps to the policy`,
  );
  check(!isUndo || step.canUndo, 'only what has a compensation is undone');
  if (command.op === 'compensate') {
    checkUndo(observed, branchId);
  }
  if (command.op === 'action') {
    const ancestors = [...(ancestorsByStep(after.plan.steps).get(branchId) ?? [])];
    const isReady = ancestors.every((name) => ['done', 'skipped'].includes(branchOf(after, name).state));
    check(isReady, `${branchId} is called after all that it comes after`);
  }
}

/** S1: to each branch goes one decision, and never the other. */
function wantedOf(saga: Saga, branchId: string): string {
  const { led } = stepOf(saga, branchId);
  if (saga.state === 'aborting') {
    return 'compensate';
  }
  if (led === undefined) {
    return 'action';
  }
  return outcomeOf(saga.state) === 'committed' && led.goal === 'follow' ? 'confirm' : 'compensate';
}

const CONFIRM_OPS: readonly (string | undefined)[] = ['confirming', 'confirmed', 'confirm'];
const UNDO_OPS: readonly (string | undefined)[] = ['compensating', 'compensated', 'compensate'];

function checkLed({ after: { saga, commands } }: Observed): void {
  check(saga.state !== 'active' || commands.length === 0, 'nothing is sent before the decision');
  for (const { branchId, state, skip } of saga.branches) {
    const wanted = wantedOf(saga, branchId);
    const others = wanted === 'confirm' ? UNDO_OPS : CONFIRM_OPS;
    const isOther = others.includes(state) || others.includes(skip?.op);
    check(!isOther, `${branchId} is ${state}, and was to be ended by ${wanted}`);
    const isThrough = ['confirmed', 'compensated', 'skipped'].includes(state);
    check(!isEnded(saga) || isThrough, `${branchId} is ${state} although the transaction is ${saga.state}`);
  }
}

function checkUndo(observed: Observed, branchId: string): void {
  const { before, event, now } = observed;
  const after = observed.after.saga;
  const { hasBarrier } = stepOf(after, branchId);
  const was = branchOf(positionOf(before, branchId) === -1 ? after : before, branchId);
  check(
    hasBarrier || was.wasSent,
    `at a plain endpoint only what was sent is undone, and ${branchId} was not`,
  );
  const isAnswered = event.type === 'reply' && event.branchId === branchId;
  const isAwaited =
    was !== branchOf(after, branchId) &&
    was.isInFlight &&
    was.state !== 'compensating' &&
    (was.dueAt ?? 0) > now &&
    !isAnswered;
  check(hasBarrier || !isAwaited, 'at a plain endpoint an undo waits for the answer to the action');
  if (was.state !== 'compensating') {
    checkUndoOrder(after, branchId);
  }
}

/** What has begun goes on, although a retry takes back the skip of what depends on it. */
function checkUndoOrder(after: Saga, branchId: string): void {
  for (const [name, ancestors] of ancestorsByStep(after.plan.steps)) {
    const isEndedBefore = !ancestors.has(branchId) || hasNothingToUndo(after, name);
    check(isEndedBefore, `${branchId} is undone only after ${name}, which depends on it`);
  }
}

function hasNothingToUndo(saga: Saga, name: string): boolean {
  const branch = branchOf(saga, name);
  const { canUndo, led } = stepOf(saga, name);
  if (saga.state === 'committing' && led?.goal === 'follow') {
    return true;
  }
  if (isLeftUnanswered(branch)) {
    return true;
  }
  return (
    ['compensated', 'skipped', 'refused'].includes(branch.state) ||
    (branch.state !== 'compensating' && (!branch.wasSent || !canUndo))
  );
}
