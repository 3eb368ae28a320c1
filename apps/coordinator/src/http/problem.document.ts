import { ActRefusedError, AlreadyDecidedError, BranchConflictError, WrongSecretError } from '@atone/core';
import { EngineError, InvalidPlanError, UnreadableRowError } from '@atone/engine';
import { ERROR_CODES, type ErrorCode, type FieldProblem, type Problem } from '@atone/protocol';
import { HttpException } from '@nestjs/common';
import { errorFacts } from '../error.facts.js';
import { BODY_BYTES_MAX } from './json.body.js';
import { RequestError } from './request.error.js';

/** A problem document and the headers that go with it. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it is a defect, or trouble of ours, that belongs into the log. */
  readonly isOurs: boolean;
}

const TITLES: Readonly<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'The request is not valid',
  UNKNOWN_ACTION: 'The plan names an unknown service or action',
  INVALID_PLAN: 'The plan cannot run',
  UNAUTHORIZED: 'The API token is missing or wrong',
  FORBIDDEN: 'Not allowed',
  NOT_FOUND: 'Not found',
  METHOD_NOT_ALLOWED: 'Method not allowed',
  WRONG_SECRET: 'Only the initiator can decide',
  ACT_NOT_POSSIBLE: 'The act is not possible now',
  ALREADY_DECIDED: 'The transaction is decided otherwise',
  BRANCH_CONFLICT: 'A branch is known otherwise',
  NOT_MY_TRANSACTION: 'Another log decides this transaction',
  TRANSACTION_TOO_OLD: 'The transaction is older than what this log remembers',
  LOG_RESTORED: 'The log may have lost what was decided',
  IDEMPOTENCY_IN_FLIGHT: 'The same request is being accepted',
  PAYLOAD_TOO_LARGE: 'The body is too large',
  UNSUPPORTED_MEDIA_TYPE: 'The body is not JSON',
  IDEMPOTENCY_MISMATCH: 'The idempotency key belongs to another body',
  INTERNAL: 'The coordinator made a mistake',
  OVERLOADED: 'Too busy',
  LOG_UNAVAILABLE: 'The log cannot be reached',
};

const RETRY_AFTER_S: Readonly<Partial<Record<ErrorCode, string>>> = {
  IDEMPOTENCY_IN_FLIGHT: '1',
  OVERLOADED: '2',
  LOG_UNAVAILABLE: '2',
};

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Where we have better words than Nest and Fastify. */
const DETAIL_OF_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  PAYLOAD_TOO_LARGE: `The body is larger than ${BODY_BYTES_MAX} bytes.`,
  UNSUPPORTED_MEDIA_TYPE: 'A body must come with content-type: application/json.',
};

interface Facts {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[] | undefined;
  readonly gid?: string | undefined;
  readonly outcome?: Problem['outcome'] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Returns what a caller is told about `error`. What is not known to be harmless is not told. */
export function problemAnswer(error: unknown, instance: string): ProblemAnswer {
  const { code, detail, errors, gid, outcome, headers } = factsOf(error);
  const retryAfter = RETRY_AFTER_S[code];
  return {
    problem: {
      type: `urn:atone:problem:${code.toLowerCase().replaceAll('_', '-')}`,
      title: TITLES[code],
      status: ERROR_CODES[code],
      detail,
      code,
      instance,
      ...(gid === undefined ? {} : { gid }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(errors === undefined ? {} : { errors }),
    },
    headers: { ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }), ...headers },
    isOurs: code === 'INTERNAL' || code === 'LOG_UNAVAILABLE',
  };
}

function factsOf(error: unknown): Facts {
  if (error instanceof RequestError) {
    return { code: error.code, detail: error.message, ...error.more };
  }
  if (error instanceof EngineError) {
    return {
      code: error.code,
      detail: error.message,
      errors: error instanceof InvalidPlanError ? error.errors : undefined,
      gid: 'gid' in error && typeof error.gid === 'string' ? error.gid : undefined,
    };
  }
  if (error instanceof ActRefusedError) {
    return factsOfRefusedAct(error);
  }
  if (error instanceof UnreadableRowError) {
    return { code: 'ACT_NOT_POSSIBLE', detail: error.message, gid: error.gid };
  }
  const status = error instanceof HttpException ? error.getStatus() : frameworkStatusOf(error);
  if (status !== undefined) {
    return factsOfHttp(status, (error as Error).message);
  }
  return isLogUnavailable(error) ? LOG_UNAVAILABLE : INTERNAL;
}

function factsOfRefusedAct(error: ActRefusedError): Facts {
  const detail = error.message;
  if (error instanceof AlreadyDecidedError) {
    return { code: 'ALREADY_DECIDED', detail, gid: error.gid, outcome: error.outcome };
  }
  if (error instanceof WrongSecretError) {
    return { code: 'WRONG_SECRET', detail, gid: error.gid };
  }
  return { code: error instanceof BranchConflictError ? 'BRANCH_CONFLICT' : 'ACT_NOT_POSSIBLE', detail };
}

/** What Nest and Fastify refuse by themselves. Their own faults are ours to explain, not theirs. */
function factsOfHttp(status: number, message: string): Facts {
  if (status >= 500) {
    return INTERNAL;
  }
  const code = CODE_OF_STATUS[status] ?? 'BAD_REQUEST';
  const detail = DETAIL_OF_CODE[code] ?? `${message.replace(/\.$/u, '')}.`;
  return { code, detail };
}

/** Fastify's own errors have a name in common, and no class that can be asked for. */
function frameworkStatusOf(error: unknown): number | undefined {
  const isFramework = error instanceof Error && error.name === 'FastifyError' && 'statusCode' in error;
  return isFramework ? Number(error.statusCode) : undefined;
}

/** The store says so by its code; the store itself is known only where it is opened. */
function isLogUnavailable(error: unknown): boolean {
  return errorFacts(error).code === 'LOG_UNAVAILABLE';
}

const LOG_UNAVAILABLE: Facts = {
  code: 'LOG_UNAVAILABLE',
  detail: 'The log did not answer. Ask again in a moment.',
};

const INTERNAL: Facts = {
  code: 'INTERNAL',
  detail: 'Something went wrong in the coordinator, which has written to its log what it was.',
};
