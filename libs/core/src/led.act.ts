import { ActRefusedError, AlreadyDecidedError, BranchConflictError, WrongSecretError } from './errors.js';
import type { Decision, LedBranch } from './led.branch.js';
import { isSameDecision, problemOf, registrationProblem } from './led.list.js';
import { abortOf, withBranches, withDecision } from './led.plan.js';
import { beginAbort } from './saga.abort.js';
import type { Draft } from './saga.draft.js';
import { outcomeOf, type Saga } from './saga.state.js';

/**
 * Adds branches to a led transaction that is undecided.
 *
 * @throws {ActRefusedError} when the transaction goes by a plan.
 * @throws {AlreadyDecidedError} after the decision: nobody joins any more.
 * @throws {BranchConflictError} when an id is taken by another branch, or there are too many.
 */
export function enlist(draft: Draft, branches: readonly LedBranch[]): void {
  const { saga } = draft;
  if (saga.plan.led === undefined) {
    throw new ActRefusedError(`Transaction ${saga.gid} is not led: its plan says which branches it has.`);
  }
  if (saga.state !== 'active') {
    throw new AlreadyDecidedError(saga.gid, outcomeOf(saga.state), saga.resolved);
  }
  const problem = registrationProblem(saga, branches);
  if (problem !== undefined) {
    throw new BranchConflictError(problem);
  }
  const changed = withBranches(saga, branches, 'follow');
  if (changed !== saga) {
    draft.replace(changed);
    draft.note({ what: 'registered', message: branches.map(({ branchId }) => branchId).join(', ') });
    draft.durableFirst();
  }
}

/**
 * Checks that it is the initiator who asks. Of an abort for which only a doubt has told the secret there is nothing left to
 * decide, whoever asks.
 *
 * @throws {WrongSecretError} when it is another one.
 */
export function checkSecret(saga: Saga, secretHash: string): void {
  if (saga.plan.led?.secretHash !== secretHash && !isAbortOfDoubt(saga)) {
    throw new WrongSecretError(saga.gid);
  }
}

/**
 * Tells whether a transaction was aborted because somebody in doubt had asked, by presumption or by a person: nothing of its gid
 * will ever be confirmed, whichever secret that one told.
 */
export function isAbortOfDoubt({ abort, resolved }: Saga): boolean {
  return abort?.code === 'presumed' || (abort !== undefined && resolved !== undefined);
}

/**
 * Decides. What was decided in the same way already stays as it is.
 *
 * @throws {WrongSecretError} when it is not the initiator who asks.
 * @throws {AlreadyDecidedError} when it was decided otherwise, or on another list.
 * @throws {BranchConflictError} when the list does not fit what was registered.
 */
export function decide(draft: Draft, decision: Decision): void {
  const { saga } = draft;
  checkSecret(saga, decision.secretHash);
  if (saga.state !== 'active') {
    if (!isSameDecision(saga, decision)) {
      throw new AlreadyDecidedError(saga.gid, outcomeOf(saga.state), saga.resolved);
    }
    return;
  }
  carryOut(draft, decision);
}

/** Makes the decision of what is undecided. @throws {BranchConflictError} when the list does not fit what was registered. */
export function carryOut(draft: Draft, decision: Decision): void {
  const problem = problemOf(draft.saga, decision);
  if (problem !== undefined) {
    throw new BranchConflictError(problem);
  }
  draft.replace(withDecision(draft.saga, decision));
  if (decision.to === 'abort') {
    beginAbort(draft, abortOf(decision));
  } else {
    draft.change({ state: 'committing', stuck: undefined });
    draft.note({ what: 'committing' });
    draft.durableFirst();
  }
}
