import type { RowUpdate } from '@atone/engine';

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

/** A row was to be accepted in a state in which nothing is left to do: a defect of its writer. Nothing was sent. */
export class RowEndedError extends TypeError {
  override readonly name = 'RowEndedError';
  readonly code = 'LOG_ROW_ENDED';

  constructor(readonly gid: string) {
    super(`The row of ${gid} was to be accepted as one that has ended.`);
  }
}

/** Refuses a batch in which a gid stands twice, or a live row without a due time. */
export function checkBatch(batch: readonly Pick<RowUpdate, 'gid' | 'progress'>[]): void {
  const gids = new Set<string>();
  for (const { gid, progress } of batch) {
    if (gids.has(gid)) throw new DuplicateGidError(gid);
    if (progress.dueInMs === undefined && !isEndState(progress.state)) throw new MissingDueError(gid);
    gids.add(gid);
  }
}

/** Tells whether a row in this state has ended. */
export function isEndState(state: string): boolean {
  return state === 'committed' || state === 'aborted';
}
