/** What one transaction of a stretch of load cost the log. */
export interface Stretch {
  readonly task: Task;
  readonly inFlight: number;
  readonly commits: number;
  readonly inserted: number;
  readonly updated: number;
}

/** What is measured by transactions. */
export type Task = 'saga' | 'tcc' | 'led-saga' | 'dead-initiator';

/** Under this load writes must share their commits. */
export const CHECKED_IN_FLIGHT = 256;

interface Promised {
  /** Absent where the commits are not promised. */
  readonly commitsMax?: number;
  readonly inserted: number;
  readonly updated: number;
}

const PROMISED: Readonly<Record<Task, Promised>> = {
  saga: { commitsMax: 0.1, inserted: 1, updated: 1 },
  tcc: { commitsMax: 0.15, inserted: 1, updated: 1 },
  'led-saga': { commitsMax: 0.15, inserted: 1, updated: 1 },
  'dead-initiator': { inserted: 1, updated: 0 },
};

/** Progress of a transaction that takes longer than a second is written once more: on a busy machine one has to. */
const ROWS_MARGIN = 0.005;

export interface Verdict {
  readonly isGood: boolean;
  readonly line: string;
}

/** Returns whether a stretch cost what is promised: rows under any load, commits under the load that is checked. */
export function verdictsOn(stretch: Stretch): readonly Verdict[] {
  const { commitsMax, ...rows } = PROMISED[stretch.task];
  const isChecked = stretch.inFlight === CHECKED_IN_FLIGHT && commitsMax !== undefined;
  return [rowsVerdict(stretch, rows), ...(isChecked ? [commitVerdict(stretch, commitsMax)] : [])];
}

function rowsVerdict({ task, inFlight, ...cost }: Stretch, { inserted, updated }: Promised): Verdict {
  const isGood =
    Math.abs(cost.inserted - inserted) <= ROWS_MARGIN && Math.abs(cost.updated - updated) <= ROWS_MARGIN;
  const measured = `${cost.inserted.toFixed(3)} rows inserted and ${cost.updated.toFixed(3)} updated per transaction`;
  return verdict(isGood, {
    measured: `${measured} with ${inFlight} in flight`,
    task,
    promise: `${inserted} and ${updated} are promised`,
  });
}

function commitVerdict({ task, inFlight, commits }: Stretch, commitsMax: number): Verdict {
  return verdict(commits <= commitsMax, {
    measured: `${commits.toFixed(3)} commits per transaction with ${inFlight} in flight`,
    task,
    promise: `at most ${commitsMax} are promised`,
  });
}

function verdict(isGood: boolean, said: { measured: string; task: Task; promise: string }): Verdict {
  const { measured, task, promise } = said;
  return { isGood, line: `${isGood ? 'Good' : 'Not good'}: ${task}: ${measured}; ${promise}.` };
}
