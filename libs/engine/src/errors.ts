import { gidLogNumber } from '@atone/core';
import type { ErrorCode, FieldProblem } from '@atone/protocol';

/** What the engine answers to a request that it cannot or will not carry out. `code` never changes. */
export abstract class EngineError extends Error {
  abstract readonly code: ErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean = false;
}

/** The submitted plan cannot run; `errors` names each field. */
export class InvalidPlanError extends EngineError {
  override readonly name = 'InvalidPlanError';

  constructor(
    readonly code: 'INVALID_PLAN' | 'UNKNOWN_ACTION',
    readonly errors: readonly FieldProblem[],
  ) {
    super([...new Set(errors.map((error) => error.message))].join(' '));
  }
}

export class TransactionNotFoundError extends EngineError {
  override readonly name = 'TransactionNotFoundError';
  readonly code = 'NOT_FOUND';

  constructor(
    readonly gid: string,
    hint = '',
  ) {
    super(`There is no global transaction ${gid} in this log.${hint === '' ? '' : ` ${hint}`}`);
  }
}

/** The transaction has ended, and what is final takes no acts. */
export class TransactionEndedError extends EngineError {
  override readonly name = 'TransactionEndedError';
  readonly code = 'ACT_NOT_POSSIBLE';

  constructor(
    readonly gid: string,
    state: string,
  ) {
    super(`Transaction ${gid} is ${state}: it has ended, and an end is final.`);
  }
}

/** The idempotency key was used for another body. */
export class IdempotencyMismatchError extends EngineError {
  override readonly name = 'IdempotencyMismatchError';
  readonly code = 'IDEMPOTENCY_MISMATCH';

  constructor(
    readonly key: string,
    readonly gid: string,
  ) {
    super(`Idempotency key '${key}' belongs to transaction ${gid}, which was submitted with another body.`);
  }
}

/** The same key is being accepted at this moment; asking again a little later gives its answer. */
export class IdempotencyInFlightError extends EngineError {
  override readonly name = 'IdempotencyInFlightError';
  readonly code = 'IDEMPOTENCY_IN_FLIGHT';
  override readonly retryable = true;

  constructor(readonly key: string) {
    super(`A request with idempotency key '${key}' is being accepted right now. Ask again in a moment.`);
  }
}

/** More is under way than this instance may hold. Nothing was accepted. */
export class OverloadedError extends EngineError {
  override readonly name = 'OverloadedError';
  readonly code = 'OVERLOADED';
  override readonly retryable = true;
}

/** The log did not answer. A submission may have been accepted: the same idempotency key finds out. */
export class LogDoubtError extends EngineError {
  override readonly name = 'LogDoubtError';
  readonly code = 'LOG_UNAVAILABLE';
  override readonly retryable = true;
}

/** Another log decides the transaction: its gid says which. */
export class NotMyTransactionError extends EngineError {
  override readonly name = 'NotMyTransactionError';
  readonly code = 'NOT_MY_TRANSACTION';

  constructor(
    readonly gid: string,
    readonly logNumber: number,
  ) {
    super(`Transaction ${gid} belongs to log ${gidLogNumber(gid)}, and this is log ${logNumber}.`);
  }
}

/** The gid tells a time that the log does not remember, or that is yet to come. Nothing is decided for it any more. */
export class TransactionTooOldError extends EngineError {
  override readonly name = 'TransactionTooOldError';
  readonly code = 'TRANSACTION_TOO_OLD';

  constructor(
    readonly gid: string,
    why: string,
  ) {
    super(`Transaction ${gid} ${why}: nothing new is written of it.`);
  }
}

/** The log was restored or failed over since the transaction began, and may have lost what was decided. */
export class LogRestoredError extends EngineError {
  override readonly name = 'LogRestoredError';
  readonly code = 'LOG_RESTORED';

  constructor(
    readonly gid: string,
    readonly began: number,
    readonly present?: number,
  ) {
    super(
      `Transaction ${gid} began in life ${began} of the log, and it is in ${present === undefined ? 'another' : `life ${present}`} now: ` +
        'what was decided may be lost, so a person has to look. Nothing was written. If the log was neither restored nor failed over, ' +
        'the request tells a wrong `epoch`: read it from GET /v1/log before a transaction begins.',
    );
  }
}
