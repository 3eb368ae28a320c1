import { ActRefusedError, AlreadyDecidedError } from '@atone/core';
import { EngineError, InvalidPlanError } from '@atone/engine';
import { ERROR_CODES, type ErrorCode, type FieldProblem, type Problem } from '@atone/protocol';

/** The request cannot be carried out as it stands. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly errors?: readonly FieldProblem[],
  ) {
    super(message);
  }
}

/** Returns what the coordinator's API answers to an error. @throws the error if it is none of those: a defect. */
export function problemOf(error: unknown): {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
} {
  const code = codeOf(error);
  if (code === undefined) {
    throw error;
  }
  const { message } = error as Error;
  const hasFields = error instanceof InvalidPlanError || error instanceof ApiError;
  const errors = hasFields ? error.errors : undefined;
  const problem = {
    type: `urn:atone:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: code,
    status: ERROR_CODES[code],
    detail: code === 'UNKNOWN_ACTION' ? `${message} ${HOW_TO_TAKE_PART}` : message,
    code,
    ...(error instanceof AlreadyDecidedError ? { gid: error.gid, outcome: error.outcome } : {}),
    ...(errors === undefined ? {} : { errors }),
  };
  return { problem, headers: code === 'IDEMPOTENCY_IN_FLIGHT' ? { 'retry-after': '1' } : {} };
}

const HOW_TO_TAKE_PART =
  'In a test a service takes part after init() of its application, after join(participant), or stub(contract, …).';

function codeOf(error: unknown): ErrorCode | undefined {
  if (error instanceof ActRefusedError) {
    return error.code as ErrorCode;
  }
  return error instanceof EngineError || error instanceof ApiError ? error.code : undefined;
}
