import type { Actor, Outcome } from './saga.state.js';

/** An event reached a machine in a state in which it cannot come: a defect of the caller. */
export class IllegalTransitionError extends Error {
  override readonly name = 'IllegalTransitionError';
  readonly code = 'ILLEGAL_TRANSITION';

  constructor(
    readonly state: string,
    readonly event: string,
  ) {
    super(`A transaction that is ${state} cannot take the event ${event}.`);
  }
}

/** An operator asked for something that the transaction's state forbids; the message tells why. */
export class ActRefusedError extends Error {
  override readonly name: string = 'ActRefusedError';
  readonly code: string = 'ACT_NOT_POSSIBLE';
}

/** A led transaction was decided, and not as is asked for. */
export class AlreadyDecidedError extends ActRefusedError {
  override readonly name = 'AlreadyDecidedError';
  override readonly code = 'ALREADY_DECIDED';

  constructor(
    readonly gid: string,
    readonly outcome: Outcome,
    resolved?: Actor,
  ) {
    super(`Transaction ${gid} is ${outcome}${howDecided(outcome, resolved)}. That never changes.`);
  }
}

function howDecided(outcome: Outcome, resolved: Actor | undefined): string {
  if (resolved !== undefined) {
    const how = outcome === 'committed' ? ', with the branches that were named' : '';
    return `${how}: ${resolved.by} has resolved it so ("${resolved.reason}")`;
  }
  return outcome === 'committed' ? ', with the branches that its initiator listed' : '';
}

/** What is told of a branch does not fit what is known of it. */
export class BranchConflictError extends ActRefusedError {
  override readonly name = 'BranchConflictError';
  override readonly code = 'BRANCH_CONFLICT';
}

/** Who would decide a led transaction does not know its initiator's secret. */
export class WrongSecretError extends ActRefusedError {
  override readonly name = 'WrongSecretError';
  override readonly code = 'WRONG_SECRET';

  constructor(readonly gid: string) {
    super(`Only the initiator of transaction ${gid} can decide it, and it has another secret.`);
  }
}
