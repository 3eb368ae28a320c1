/** A batch names one transaction twice, so one of both would be lost: a defect of its writer. Nothing was sent. */
export class DuplicateGidError extends TypeError {
  override readonly name = 'DuplicateGidError';
  readonly code = 'LOG_DUPLICATE_GID';

  constructor(readonly gid: string) {
    super(`One batch for the log names ${gid} twice.`);
  }
}

/** A live row without a due time would be forgotten when its owner gives it up: a defect of its writer. Nothing was sent. */
export class MissingDueError extends TypeError {
  override readonly name = 'MissingDueError';
  readonly code = 'LOG_MISSING_DUE';

  constructor(readonly gid: string) {
    super(`The row of ${gid} is live and was given to the log without dueInMs.`);
  }
}
