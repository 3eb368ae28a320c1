/** A gid is of a time that the log has dropped. Nothing was written. */
export class NoPlaceError extends Error {
  override readonly name = 'NoPlaceError';
  readonly code = 'LOG_DAY_OUT_OF_RANGE';
  readonly retryable = false;

  constructor(gid: string) {
    super(`Transaction ${gid} began before everything that the log still keeps.`);
  }
}
