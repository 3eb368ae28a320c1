/** Every code that leaves Atone, with the HTTP status it has where HTTP carries it. `docs/errors.md` explains each. */
export const ERROR_CODES = {
  BAD_REQUEST: 400,
  UNKNOWN_ACTION: 400,
  INVALID_PLAN: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  WRONG_SECRET: 403,
  ACT_NOT_POSSIBLE: 409,
  ALREADY_DECIDED: 409,
  BRANCH_CONFLICT: 409,
  NOT_MY_TRANSACTION: 409,
  TRANSACTION_TOO_OLD: 409,
  LOG_RESTORED: 409,
  IDEMPOTENCY_IN_FLIGHT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_MISMATCH: 422,
  INTERNAL: 500,
  OVERLOADED: 503,
  LOG_UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What is wrong with one field of a request. */
export interface FieldProblem {
  /** A JSON pointer into the body, or the name of a header or query parameter. */
  readonly field: string;
  readonly message: string;
}

/** A problem document (RFC 9457). `detail` is a sentence for people; `code` is for programs and never changes. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly instance?: string;
  readonly gid?: string;
  /** What was decided, where that is why it is refused. */
  readonly outcome?: 'undecided' | 'committed' | 'aborted';
  readonly errors?: readonly FieldProblem[];
}
