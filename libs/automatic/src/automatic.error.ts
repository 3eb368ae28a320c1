/** The tables of the automatic kind are not in the database, or not whole. The message says how to install them. */
export class AutomaticMissingError extends Error {
  override readonly name = 'AutomaticMissingError';
  readonly code = 'AUTOMATIC_MISSING';
  readonly retryable = false;
}

/** The tables of the automatic kind are of a version that this library cannot work with. The message says what to do. */
export class AutomaticOutdatedError extends Error {
  override readonly name = 'AutomaticOutdatedError';
  readonly code = 'AUTOMATIC_OUTDATED';
  readonly retryable = false;
}
