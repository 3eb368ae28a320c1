import { isUnavailable, pgFacts } from './pg-failure.js';

/** What every error of this package has: a stable code, and whether trying again can help. */
export abstract class StoreError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
}

/** The database could not be reached, or could not answer now. A write may or may not have happened. */
export class LogUnavailableError extends StoreError {
  override readonly name = 'LogUnavailableError';
  readonly code = 'LOG_UNAVAILABLE';
  readonly retryable = true;
  /** What the server, or the connection to it, said. */
  readonly reason: string;

  constructor(
    readonly operation: string,
    options: { readonly cause: unknown },
  ) {
    const { message } = pgFacts(options.cause);
    super(`The log is unavailable (${operation}): ${message}`, options);
    this.reason = message;
  }
}

/** The database refused a statement: a defect, or values that it cannot hold. Nothing was written. */
export class LogStatementError extends StoreError {
  override readonly name = 'LogStatementError';
  readonly code = 'LOG_STATEMENT_FAILED';
  readonly retryable = false;
  /** PostgreSQL's own code, as in `23514`. */
  readonly sqlState: string | undefined;
  readonly constraint: string | undefined;
  /** What the server said. */
  readonly reason: string;

  constructor(
    readonly operation: string,
    options: { readonly cause: unknown },
  ) {
    const { message, code, constraint } = pgFacts(options.cause);
    super(`PostgreSQL refused a statement of the log (${operation}): ${message}`, options);
    this.sqlState = code;
    this.constraint = constraint;
    this.reason = message;
  }
}

/** A gid names a day that the log has no place for: too far ahead, or too long ago. Nothing was written. */
export class DayOutOfRangeError extends StoreError {
  override readonly name = 'DayOutOfRangeError';
  readonly code = 'LOG_DAY_OUT_OF_RANGE';
  readonly retryable = false;

  constructor(options: { readonly cause: unknown }) {
    super(
      'A gid was minted for a day that the log has no partition for: the log takes gids from yesterday to seven ' +
        'days ahead, so the clock of whoever minted it is wrong, or the partitions have not been made for a week.',
      options,
    );
  }
}

/** The database's URL cannot be read. The message does not repeat it, for it may hold a password. */
export class LogUrlError extends StoreError {
  override readonly name = 'LogUrlError';
  readonly code = 'LOG_URL_INVALID';
  readonly retryable = false;

  constructor() {
    super(
      'The URL of the database cannot be read: it must look like postgres://user:password@host:5432/database.',
    );
  }
}

/** The server may lose what it has acknowledged, and nobody has said that this is accepted. */
export class LogNotDurableError extends StoreError {
  override readonly name = 'LogNotDurableError';
  readonly code = 'LOG_NOT_DURABLE';
  readonly retryable = false;

  constructor(readonly settings: readonly string[]) {
    super(
      `PostgreSQL runs with ${settings.join(' and ')}: a crash may lose transactions that were acknowledged. ` +
        'Change the setting, or set ATONE_ACCEPT_LOSS=true if that does not matter here.',
    );
  }
}

/** The server's version is older than what the log's statements need. */
export class ServerTooOldError extends StoreError {
  override readonly name = 'ServerTooOldError';
  readonly code = 'LOG_SERVER_TOO_OLD';
  readonly retryable = false;

  constructor(readonly serverVersion: string) {
    super(`The log needs PostgreSQL 14 or later, and this server is ${serverVersion}.`);
  }
}

/** The schema was migrated by a newer version of Atone, whose rows this one might misread. */
export class SchemaTooNewError extends StoreError {
  override readonly name = 'SchemaTooNewError';
  readonly code = 'LOG_SCHEMA_TOO_NEW';
  readonly retryable = false;

  constructor(readonly unknownMigrations: readonly string[]) {
    super(
      `The schema "atone" was migrated by a newer version (${unknownMigrations.join(', ')} is unknown here): ` +
        'start that version, or a newer one.',
    );
  }
}

/** Returns the error that tells the caller of `operation` what it may do about `cause`. */
export function translateFailure(operation: string, cause: unknown): Error {
  if (cause instanceof StoreError) return cause;
  if (isUnavailable(cause)) return new LogUnavailableError(operation, { cause });
  if (pgFacts(cause).routine === 'ExecFindPartition') return new DayOutOfRangeError({ cause });
  return new LogStatementError(operation, { cause });
}
