import { ActRefusedError } from './errors.js';
import { resolve } from './led.resolution.js';
import { referencesIn } from './plan.input.js';
import { beginAbort } from './saga.abort.js';
import type { Draft } from './saga.draft.js';
import type { OperatorAct } from './saga.event.js';
import { giveUpIfSpent, isRefusalKnown, opUnderWay } from './saga.reply.js';
import { branchOf, isAbortable, isEnding, positionOf, stepOf, type Branch, type Saga } from './saga.state.js';

/**
 * Records what an operator asked for.
 *
 * @throws {ActRefusedError} with the reason, and then nothing has changed.
 */
export function applyAct(draft: Draft, act: OperatorAct): void {
  draft.note({
    what: `operator-${act.type}`,
    by: act.by,
    message: act.type === 'skip' && act.force === true ? `${act.reason} (by force)` : act.reason,
    branchId: 'branchId' in act ? act.branchId : undefined,
  });
  draft.durableFirst();
  switch (act.type) {
    case 'retry':
      retry(draft, act.branchId);
      return;
    case 'skip':
      skip(draft, act);
      return;
    case 'abort':
      abort(draft, act.reason);
      return;
    case 'pause':
      pause(draft, act);
      return;
    case 'resume':
      resume(draft);
      return;
    case 'resolve':
      resolve(draft, act);
      return;
  }
}

function retry(draft: Draft, branchId: string | undefined): void {
  const candidates = branchId === undefined ? draft.saga.branches : [existing(draft, branchId)];
  const targets = candidates.filter((branch) => branch.stuck !== undefined || isWaiting(branch));
  if (targets.length === 0) {
    const what = branchId === undefined ? 'No branch is' : `Branch '${branchId}' is not`;
    throw new ActRefusedError(`${what} stuck or waiting for another attempt, so there is nothing to retry.`);
  }
  for (const branch of targets) {
    revive(draft, branch);
  }
}

function isWaiting(branch: Branch): boolean {
  return !branch.isInFlight && branch.dueAt !== undefined;
}

/** Where a refusal is or may be stored for the round, only a new round can run; elsewhere a repeat is the same round. */
function revive(draft: Draft, branch: Branch): void {
  if (branch.closing !== undefined) {
    draft.changeBranch(branch.branchId, { attempt: 0, dueAt: draft.now });
    return;
  }
  const isAtEnd = isEnding(branch);
  const needsRound = (isAtEnd && isRefusalKnown(branch)) || branch.mayBeClosed === true;
  draft.changeBranch(branch.branchId, {
    stuck: undefined,
    mayBeClosed: undefined,
    attempt: 0,
    dueAt: draft.now,
    round: branch.round + (needsRound && !isAtEnd ? 1 : 0),
    undoRound: branch.undoRound + (needsRound && isAtEnd ? 1 : 0),
  });
}

function skip(draft: Draft, act: OperatorAct & { type: 'skip' }): void {
  const { branchId, state } = existing(draft, act.branchId);
  const hindrance = skipHindrance(draft.saga, branchId);
  if (hindrance !== undefined) {
    throw new ActRefusedError(hindrance);
  }
  const closing = { by: act.by, reason: act.reason };
  if (act.force === true) {
    checkForce(draft.saga, branchId);
    draft.skipNow(branchId, closing, 'Not acknowledged: an earlier call may still take effect.');
    return;
  }
  if (draft.branch(branchId).closing !== undefined) {
    throw new ActRefusedError(
      `Branch '${branchId}' is being skipped already, and its participant has not acknowledged that yet. ` +
        'A skip with `force` leaves it out without.',
    );
  }
  if (state === 'pending') {
    // Passed over only in its turn: what comes after it still waits for what comes before it.
    draft.changeBranch(branchId, { closing });
  } else if (stepOf(draft.saga, branchId).hasBarrier) {
    draft.changeBranch(branchId, { state: isEnding(draft.branch(branchId)) ? state : 'calling' });
    draft.close(branchId, closing);
  } else {
    draft.skipNow(branchId, closing);
  }
}

/** What was forced may have run all the same, so nothing may follow that would have to undo it. */
function checkForce(saga: Saga, branchId: string): void {
  const branch = branchOf(saga, branchId);
  if (branch.mayBeClosed !== true) {
    throw new ActRefusedError(
      `Branch '${branchId}' was not skipped before, so its participant was not asked to acknowledge it. Skip it without \`force\` first.`,
    );
  }
  if (!isEnding(branch) && saga.state !== 'committing') {
    throw new ActRefusedError(
      `Branch '${branchId}' may have run. The transaction is undecided: wait until it is acknowledged, or abort.`,
    );
  }
}

/** Returns why an operator cannot skip the branch as things stand, as a sentence; undefined when he can. */
export function skipHindrance(saga: Saga, branchId: string): string | undefined {
  const branch = branchOf(saga, branchId);
  if (saga.state === 'aborting' || saga.plan.led !== undefined) {
    return isEnding(branch) ? undefined : nothingToSkip(saga, branch);
  }
  if (branch.state === 'done' || branch.state === 'skipped') {
    return nothingToSkip(saga, branch);
  }
  const { hasBarrier, pivot } = stepOf(saga, branchId);
  if (pivot) {
    return `Branch '${branchId}' is the pivot: its own answer decides. Retry it, or abort before it is sent.`;
  }
  if (!hasBarrier && branch.isInFlight) {
    return `Branch '${branchId}' is being called at an endpoint that cannot close it. Wait for the answer, then skip.`;
  }
  const reader = saga.plan.steps.find((step) =>
    referencesIn(step.input).references.some(({ from }) => from === branchId),
  );
  return reader === undefined
    ? undefined
    : `Step '${reader.branchId}' needs the output of '${branchId}', so it cannot be skipped.`;
}

function nothingToSkip(saga: Saga, branch: Branch): string {
  return `Branch '${branch.branchId}' is ${branch.state} and the transaction ${saga.state}: nothing to skip.`;
}

function abort(draft: Draft, reason: string): void {
  if (!isAbortable(draft.saga)) {
    const why =
      draft.saga.state === 'running'
        ? 'its pivot was sent, and only the stored answer of the pivot can tell whether it commits'
        : `it is ${draft.saga.state}, and a decision never changes`;
    throw new ActRefusedError(`Transaction ${draft.saga.gid} cannot be aborted: ${why}.`);
  }
  beginAbort(draft, { code: 'operator', message: reason });
}

function pause(draft: Draft, act: OperatorAct & { type: 'pause' }): void {
  if (draft.saga.paused !== undefined) {
    throw new ActRefusedError(`Transaction ${draft.saga.gid} is already paused, by ${draft.saga.paused.by}.`);
  }
  draft.change({ paused: { by: act.by, reason: act.reason, since: draft.now } });
}

function resume(draft: Draft): void {
  if (draft.saga.paused === undefined) {
    throw new ActRefusedError(`Transaction ${draft.saga.gid} is not paused.`);
  }
  draft.change({ paused: undefined });
  for (const branch of draft.saga.branches) {
    // Once one of them has turned the saga round, the others wait for nothing any more.
    if (isWaiting(draft.branch(branch.branchId)) && opUnderWay(branch) !== undefined) {
      giveUpIfSpent(draft, branch.branchId);
    }
  }
}

function existing(draft: Draft, branchId: string): Branch {
  if (positionOf(draft.saga, branchId) === -1) {
    const names = draft.saga.branches.map((branch) => branch.branchId).join(', ');
    throw new ActRefusedError(`Transaction ${draft.saga.gid} has no branch '${branchId}'; it has ${names}.`);
  }
  return draft.branch(branchId);
}
