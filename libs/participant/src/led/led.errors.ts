import type { AtoneClientError } from '../client.errors.js';
import { MisuseError } from '../participant.error.js';

/** How a global transaction ended, as far as the initiator knows. `unknown`: a commit was asked for, and no answer came. */
export type LedOutcome = 'committed' | 'aborted' | 'undecided' | 'unknown';

/** Which call an error is about. */
export interface CallName {
  readonly gid: string;
  readonly branchId: string;
  /** Such as `payments.hold`. */
  readonly what: string;
}

/** Something about a led transaction kept a call, or all of it, from returning normally. */
export abstract class LedError extends Error {
  abstract readonly code: string;
  /** Whether the same may succeed in a new transaction, without a change of the code. */
  abstract readonly retryable: boolean;
}

/** There is no global transaction here, and what was called needs one. */
export class NoTransactionError extends LedError {
  override readonly name = 'NoTransactionError';
  readonly code = 'NO_TRANSACTION';
  readonly retryable = false;

  constructor(what: string, elsewhere = '') {
    super(
      `${what} needs a global transaction, and there is none here. Call it inside of \`run\` of GlobalTransactions (\`atone.transactions.run\` ` +
        'without a framework), or of a method with @GlobalTransaction. If there is one around it, its context was lost on the way: by a callback of a library that keeps ' +
        `its own queue, for example. Wrap such a callback with \`bindTransaction\`.${elsewhere}`,
    );
  }
}

/** There is a global transaction here, and what was called must run without one. */
export class TransactionPresentError extends LedError {
  override readonly name = 'TransactionPresentError';
  readonly code = 'TRANSACTION_PRESENT';
  readonly retryable = false;

  constructor(
    what: string,
    readonly gid: string,
  ) {
    super(
      `${what} says NEVER, and was called inside of the global transaction ${gid}. Call it elsewhere, or let it say NOT_SUPPORTED.`,
    );
  }
}

/** A global transaction was used after its method had ended, or its request was answered. */
export class TransactionOverError extends LedError {
  override readonly name = 'TransactionOverError';
  readonly code = 'TRANSACTION_OVER';
  readonly retryable = false;

  constructor(
    readonly gid: string,
    use: string,
  ) {
    super(
      `The global transaction ${gid} was ${use} after its method had ended or its request was answered. Await all calls before that. ` +
        "Work that shall outlive it is started with the propagation 'NOT_SUPPORTED'.",
    );
  }
}

/** A transaction was to end while its calls were in flight: it is aborted, because nobody knows what they will do. */
export class CallsInFlightError extends LedError {
  override readonly name = 'CallsInFlightError';
  readonly code = 'CALLS_IN_FLIGHT';
  readonly retryable = false;

  constructor(
    readonly gid: string,
    readonly calls: readonly string[],
  ) {
    super(
      `The global transaction ${gid} was to end while calls were in flight: ${calls.slice(0, 10).join(', ')}. Await them. ` +
        'Note that `Promise.race` and a rejected `Promise.all` leave the other calls running: give each call a `timeout`, or use ' +
        '`Promise.allSettled`.',
    );
  }
}

/** Returns what a run throws that would answer while its calls are in flight. */
export function runInFlightError(error: CallsInFlightError): MisuseError {
  return new MisuseError(error.message.replace('to end', 'answered for'), { cause: error });
}

/** A call took longer than the caller gave it. It is off the list, and undone whatever becomes of it. */
export class CallTimeoutError extends LedError {
  override readonly name = 'CallTimeoutError';
  readonly code = 'CALL_TIMEOUT';
  readonly retryable = true;

  constructor(
    call: CallName,
    readonly timeoutMs: number,
  ) {
    super(
      `${call.what} did not answer within ${timeoutMs} ms. The call counts as thrown: what it did is undone.`,
    );
    this.gid = call.gid;
    this.branchId = call.branchId;
  }

  readonly gid: string;
  readonly branchId: string;
}

/** What kept a call from an answer. */
export interface CallFault {
  readonly why: string;
  readonly errorClass: string;
  /** Whether the participant has answered that nothing of this attempt is left there. */
  readonly isUndone?: boolean;
  /** How many attempts have left this process. Default: 1. */
  readonly attemptCount?: number;
}

/** A call was never sent: nothing was done there, and there is nothing to undo. */
export class NotSentError extends LedError {
  override readonly name = 'NotSentError';
  readonly code = 'NOT_SENT';
  readonly retryable = true;

  constructor(call: CallName, fault: CallFault) {
    super(
      `${call.what} was not called, and nothing was done there: ${fault.why.replace(/\.$/u, '')}. The call counts as thrown, with nothing ` +
        'to undo.',
    );
    this.gid = call.gid;
    this.branchId = call.branchId;
    this.errorClass = fault.errorClass;
  }

  /** `unreachable`: nobody is there, or the coordinator does not tell where. `code`: it cannot be called so; the message tells why. */
  readonly errorClass: string;
  readonly gid: string;
  readonly branchId: string;
}

/** Nobody knows what became of a call, or its participant could not carry it out. It is off the list, and undone if it did anything. */
export class UnknownOutcomeError extends LedError {
  override readonly name = 'UnknownOutcomeError';
  readonly code = 'UNKNOWN_OUTCOME';
  readonly retryable = true;

  constructor(call: CallName, fault: CallFault, options?: ErrorOptions) {
    super(fault.isUndone === true ? failedThere(call, fault) : notKnown(call, fault), options);
    this.gid = call.gid;
    this.branchId = call.branchId;
    this.errorClass = fault.errorClass;
  }

  /** What the participant, or the network, said of it: `unreachable`, `timeout`, `error`, `code`, `bad-payload`, `action-gone`. */
  readonly errorClass: string;
  readonly gid: string;
  readonly branchId: string;
}

function notKnown({ what }: CallName, { why }: CallFault): string {
  return `It is not known what became of ${what}: ${why.replace(/\.$/u, '')}. The call counts as thrown: if it did anything, that is undone.`;
}

function failedThere({ what }: CallName, { why, attemptCount = 1 }: CallFault): string {
  const earlier =
    attemptCount > 1 ? ' An earlier attempt had no answer: if it did anything, that is undone.' : '';
  return (
    `${what} failed at its participant, and nothing of it is kept there: its local transaction was rolled back, if it had begun: ` +
    `${why.replace(/\.$/u, '')}. The call counts as thrown.${earlier}`
  );
}

/** The deadline of a transaction passed before it was committed. */
export class TransactionTimeoutError extends LedError {
  override readonly name = 'TransactionTimeoutError';
  readonly code = 'TRANSACTION_TIMEOUT';
  readonly retryable = true;

  constructor(
    readonly gid: string,
    when: string,
  ) {
    super(`The deadline of the global transaction ${gid} passed ${when}. It is aborted.`);
  }
}

/** A transaction was aborted although its method returned. */
export class TransactionAbortedError extends LedError {
  override readonly name = 'TransactionAbortedError';
  readonly code = 'TRANSACTION_ABORTED';
  readonly retryable = true;
  readonly outcome = 'aborted';

  constructor(
    readonly gid: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`The global transaction ${gid} is aborted: ${reason.replace(/\.$/u, '')}.`, options);
  }
}

/**
 * The commit was asked for, and nobody here knows whether it was done: the transaction may be committed or aborted.
 *
 * Mostly no answer came. The library goes on asking then, and callbacks of `afterCommit` and `afterAbort` still run. Where the
 * log was restored (`cause.code` is `LOG_RESTORED`) no answer will come, and a person decides. Do not start it again before its
 * outcome is known.
 */
export class OutcomeUnknownError extends LedError {
  override readonly name = 'OutcomeUnknownError';
  readonly code = 'OUTCOME_UNKNOWN';
  readonly retryable = false;
  readonly outcome = 'unknown';

  constructor(
    readonly gid: string,
    options?: ErrorOptions,
  ) {
    super(
      `It is not known whether the global transaction ${gid} is committed: ${whyUnknown(options?.cause)}`,
      options,
    );
  }
}

function whyUnknown(cause: unknown): string {
  const { code, retryable, message } = (cause ?? {}) as Partial<AtoneClientError>;
  if (code === 'LOG_RESTORED') {
    return (
      "the coordinator's log was restored from a backup, or failed over, since it began, and what was decided may be lost. To ask " +
      'again brings no answer, and its branches stay as they are until a person decides: look at them in the databases of the ' +
      'participants, have it resolved, and do the same again only if that was by an abort. docs/errors.md#log-restored tells how.'
    );
  }
  const why =
    retryable === false && message !== undefined
      ? `the commit was not confirmed (${message.replace(/\.$/u, '')})`
      : 'the coordinator has not answered';
  return `${why}. Look it up before you do the same again; nothing of it stays half done.`;
}
