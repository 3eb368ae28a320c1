/** The library is used in a way that cannot work. The message says what to do instead. */
export class MisuseError extends Error {
  override readonly name = 'MisuseError';
  readonly code = 'MISUSE';
  readonly retryable = false;
}

/** The barrier's table is not in the database. The message says how to install it. */
export class BarrierMissingError extends Error {
  override readonly name = 'BarrierMissingError';
  readonly code = 'BARRIER_MISSING';
  readonly retryable = false;
}

/** The barrier's table is of a version that this library cannot work with. The message says what to do. */
export class BarrierOutdatedError extends Error {
  override readonly name = 'BarrierOutdatedError';
  readonly code = 'BARRIER_OUTDATED';
  readonly retryable = false;

  constructor(
    message: string,
    readonly versions: { readonly found: number; readonly needed: number },
  ) {
    super(message);
  }
}
