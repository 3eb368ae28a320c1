/** What is known of an error of the database or of its connection. */
export interface PgFacts {
  readonly message: string;
  readonly code: string | undefined;
  readonly constraint: string | undefined;
  readonly routine: string | undefined;
}

/** Classes of SQLSTATE that pass by themselves: connection, resources, operator's intervention, system. */
const PASSING_CLASSES: ReadonlySet<string> = new Set(['08', '53', '57', '58']);

/** Serialization failure, deadlock, lock not available, read-only (a standby during a fail-over). */
const PASSING_CODES: ReadonlySet<string> = new Set(['40001', '40P01', '55P03', '25006']);

const SQL_STATE = /^[0-9A-Z]{5}$/u;

/** Tells whether the same statement may succeed later, or on another connection. */
export function isUnavailable(cause: unknown): boolean {
  const { code } = pgFacts(cause);
  // Without an SQLSTATE it did not come from the server: the socket broke, the name was not found, a wait ended.
  if (code === undefined || !SQL_STATE.test(code)) return true;
  return PASSING_CLASSES.has(code.slice(0, 2)) || PASSING_CODES.has(code);
}

/** Reads an error by its fields: under Jest, errors of Node's modules are no instances of a test's `Error`. */
export function pgFacts(cause: unknown): PgFacts {
  const fields: Partial<Record<string, unknown>> =
    typeof cause === 'object' && cause !== null ? { ...cause } : {};
  const message = cause instanceof Error ? cause.message : String(messageOf(cause));
  return {
    message: message === '' ? (text(fields['code']) ?? 'no reason was given') : message,
    code: text(fields['code']),
    constraint: text(fields['constraint']),
    routine: text(fields['routine']),
  };
}

function messageOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'message' in cause ? cause.message : cause;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
