import { isEnded, isJsonObject, stuckOf, type Branch, type Json, type Plan, type Saga } from '@atone/core';
import { ROW_FORMAT, type RowProgress, type StoredRow } from './log.port.js';

/** How often a row that waits for an operator is looked at, though nothing can be sent. */
const STUCK_LOOK_MS = 3_600_000;

/** What a transaction carries beside its saga, and never changes. */
export interface Envelope {
  readonly gid: string;
  readonly name: string;
  readonly initiator?: string | undefined;
  readonly lane?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly traceparent?: string | undefined;
  readonly baggage?: string | undefined;
}

/** A row whose contents make no sense to this version. It is left alone, visibly. */
export class UnreadableRowError extends Error {
  override readonly name = 'UnreadableRowError';

  constructor(
    readonly gid: string,
    why: string,
  ) {
    super(`The row of transaction ${gid} cannot be read: ${why}.`);
  }
}

/** A row that a newer version has written. */
export class UnknownFormatError extends UnreadableRowError {
  constructor(
    gid: string,
    readonly format: number,
  ) {
    super(gid, `its format is ${format}, and ${ROW_FORMAT} is the last one known here`);
  }
}

/** Returns the part of a row that is written once. */
export function encodePlan(saga: Saga, envelope: Envelope): Json {
  return plain({ plan: saga.plan, traceparent: envelope.traceparent, baggage: envelope.baggage });
}

/** Returns the services of all branches, each once. */
export function servicesOf({ plan }: Saga): string[] {
  const services = new Set<string>();
  for (const { service } of plan.steps) {
    services.add(service);
  }
  return [...services];
}

/**
 * Returns the part of a row that changes. `dueInMs` is when the row must be looked at if its owner gives it up;
 * `plannedSteps` are those that its plan holds: only where the saga has others by now are they written again.
 */
export function encodeProgress(
  saga: Saga,
  dueInMs: number | undefined,
  plannedSteps: Plan['steps'] = saga.plan.steps,
): RowProgress {
  const reason = isEnded(saga) ? undefined : stuckOf(saga);
  const { state, branches, history, historyDroppedCount, abort, stuck, paused } = saga;
  const steps = saga.plan.steps === plannedSteps ? undefined : saga.plan.steps;
  return {
    state,
    stuckReason: reason?.reason,
    stuckAt: reason?.since,
    isPaused: paused !== undefined,
    dueInMs: isEnded(saga) ? undefined : (dueInMs ?? STUCK_LOOK_MS),
    document: plain({
      steps,
      branches,
      history,
      historyDroppedCount,
      abort,
      stuck,
      paused,
      resolved: saga.resolved,
      endedAt: saga.endedAt,
    }),
  };
}

/**
 * Returns the saga of a row.
 *
 * @throws {UnreadableRowError} when plan and progress do not fit together, or a newer version has written them.
 */
export function decodeSaga(row: StoredRow): Saga {
  if (row.format > ROW_FORMAT) {
    throw new UnknownFormatError(row.gid, row.format);
  }
  const { plan } = objectOf(row, row.plan);
  const { steps: ownSteps, ...progress } = objectOf(row, row.progress);
  const steps = ownSteps ?? (isJsonObject(plan) ? plan['steps'] : undefined);
  if (!isJsonObject(plan) || !Array.isArray(steps) || !Array.isArray(progress['branches'])) {
    throw new UnreadableRowError(row.gid, 'plan or branches are missing');
  }
  const saga = {
    ...progress,
    gid: row.gid,
    plan: { ...plan, steps } as unknown as Plan,
    state: row.state,
    memory: 'broken',
    deadlineAt: row.deadlineAt,
  } as unknown as Saga;
  checkFit(saga);
  return withAcceptance(saga, row.acceptedAt);
}

/** Returns the saga as it was accepted: what went into its first row was written down a moment before the log told when. */
export function withAcceptance(saga: Saga, acceptedAt: number): Saga {
  const { history, endedAt } = saga;
  const isEarly = (history[0]?.at ?? acceptedAt) < acceptedAt;
  return {
    ...saga,
    acceptedAt,
    endedAt: endedAt === undefined ? undefined : Math.max(endedAt, acceptedAt),
    history: isEarly
      ? history.map((entry) => (entry.at < acceptedAt ? { ...entry, at: acceptedAt } : entry))
      : history,
  };
}

/** Returns the steps that a row's plan holds: those of its saga, unless it has got others since. */
export function plannedStepsOf(row: StoredRow): Plan['steps'] {
  const { plan } = isJsonObject(row.plan) ? row.plan : {};
  const steps = isJsonObject(plan) ? plan['steps'] : undefined;
  return (steps ?? []) as unknown as Plan['steps'];
}

export function decodeEnvelope(row: StoredRow): Envelope {
  const plan = isJsonObject(row.plan) ? row.plan : {};
  const { gid, name, initiator, lane, tags } = row;
  return {
    gid,
    name,
    initiator,
    lane,
    tags,
    traceparent: textOf(plan['traceparent']),
    baggage: textOf(plan['baggage']),
  };
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function objectOf(row: StoredRow, value: Json): Readonly<Record<string, Json>> {
  if (!isJsonObject(value)) {
    throw new UnreadableRowError(row.gid, 'a document is not an object');
  }
  return value;
}

function checkFit(saga: Saga): void {
  const names = saga.plan.steps.map((step) => step.branchId).join();
  const found = saga.branches.map((branch: Branch) => branch.branchId).join();
  if (names !== found || !Array.isArray(saga.history)) {
    throw new UnreadableRowError(saga.gid, `its steps are ${names} and its branches ${found}`);
  }
}

/** Readonly data with optional members is JSON once the undefined ones are gone, which JSON.stringify sees to. */
function plain(value: object): Json {
  return value as unknown as Json;
}
