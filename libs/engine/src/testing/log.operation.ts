import type { Json } from '@atone/core';
import { expect } from '@jest/globals';
import {
  ROW_FORMAT,
  type AcceptOutcome,
  type InstanceFacts,
  type NewRow,
  type RowFilter,
  type RowProgress,
  type RowState,
  type RowUpdate,
  type StoredRow,
  type TransactionLog,
} from '../log.port.js';
import { CLOCK_READER, DAY_MS, type Desk } from './log.desk.js';
import type { LogModel } from './log.model.js';

/**
 * Times of a run are multiples of twice this, due times and leases odd multiples: the time that really passes beside a
 * log with a clock of its own never decides whether something is due.
 */
export const GRAIN_MS = 30_000;
/** A log may count by the minute what has ended. */
const COUNT_SLACK_MS = 2 * 60_000;

/** Moves the model on as the answer of a log demands it, or throws if no log may give that answer. */
export type Verdict = (model: LogModel, isAlone: boolean) => void;

/** Something that an instance may ask of a log. */
export interface Operation {
  ask(log: TransactionLog): Promise<Verdict>;
  /** What it does when it is carried out; absent where that is for the log to choose, or nothing. */
  readonly play?: (model: LogModel) => unknown;
}

/** A log at work and the model of it, with the time of the run told from that of the log. */
export class Scene {
  constructor(
    readonly desk: Desk,
    readonly model: LogModel,
  ) {}

  /** Returns the time of the run at an instant of the log. */
  runMs(instant: number): number {
    const ms = this.model.nowMs - (this.desk.now - instant);
    // Added to 0, because nothing is the same to a matcher as a negative one.
    return Math.round(ms / GRAIN_MS) * GRAIN_MS + 0;
  }

  instantAt(runMs: number): number {
    return this.desk.now - (this.model.nowMs - runMs);
  }

  accept(rows: readonly NewRow[]): Operation {
    const known = rows.map((row) => this.known(row));
    return writing({
      ask: async (log) => (await log.accept(rows)).map((answer) => this.toldOutcome(answer)),
      play: (model) => model.accept(known),
    });
  }

  update(updates: readonly RowUpdate[]): Operation {
    const known = updates.map((update) => this.known(update));
    return writing({ ask: async (log) => log.update(updates), play: (model) => model.update(known) });
  }

  /** Which rows it takes is for the log to choose, but not how many: only where another is at them it may leave some. */
  claimDue(instanceId: string, limit: number): Operation {
    return {
      ask: async (log) => {
        const taken = (await log.claimDue(instanceId, limit)).map((row) => this.told(row));
        return (model, isAlone) => {
          expectTaken(model, taken, { instanceId, limit, isAlone });
        };
      },
    };
  }

  claim(instanceId: string, gid: string): Operation {
    return writing({
      ask: async (log) => this.toldIfAny(await log.claim(instanceId, gid)),
      play: (model) => model.takeOver(instanceId, gid),
    });
  }

  /** Only where another is at them it may leave some. */
  claimOwn(instanceId: string, gids: readonly string[]): Operation {
    return {
      ask: async (log) => {
        const taken = (await log.claimOwn(instanceId, gids)).map((row) => this.told(row));
        return (model, isAlone) => {
          expectTakenAnew(model, taken, { instanceId, gids, isAlone });
        };
      },
    };
  }

  renewLease(instanceId: string, leaseMs: number, facts?: InstanceFacts): Operation {
    return writing({
      ask: async (log) => this.runMs(await log.renewLease(instanceId, leaseMs, facts)),
      play: (model) => {
        model.renewLease(instanceId, leaseMs, facts);
        return model.nowMs;
      },
    });
  }

  endLease(instanceId: string): Operation {
    return writing({
      ask: async (log) => log.endLease(instanceId),
      play: (model) => {
        model.endLease(instanceId);
      },
    });
  }

  owned(instanceId: string): Operation {
    return reading(
      async (log) => (await log.owned(instanceId)).toSorted(),
      (model) => model.owned(instanceId).toSorted(),
    );
  }

  get(gid: string): Operation {
    return reading(
      async (log) => this.toldIfAny(await log.get(gid)),
      (model) => model.get(gid),
    );
  }

  findKey(key: string): Operation {
    return reading(
      async (log) => log.findKey(key),
      (model) => model.findKey(key),
    );
  }

  ended(gids: readonly string[]): Operation {
    return reading(
      async (log) => (await log.ended(gids)).toSorted(),
      (model) => model.ended(gids).toSorted(),
    );
  }

  drives(gids: readonly string[]): Operation {
    return reading(
      async (log) => byGid(await log.drives(gids)),
      (model) => byGid(model.drives(gids)),
    );
  }

  endings(gids: readonly string[]): Operation {
    return reading(
      async (log) => {
        const endings = await log.endings(gids);
        const told = endings.map(({ gid, endedForMs }) => ({
          gid,
          finishedAt: endedForMs === undefined ? undefined : this.runMs(this.desk.now - endedForMs),
        }));
        return byGid(told);
      },
      (model) => byGid(model.endings(gids)),
    );
  }

  /** The instants of the filter are times of the run. */
  list(filter: RowFilter): Operation {
    const [acceptedFrom, acceptedTo] = [filter.acceptedFrom, filter.acceptedTo].map((runMs) =>
      runMs === undefined ? undefined : this.instantAt(runMs),
    );
    return reading(
      async (log) => (await log.list({ ...filter, acceptedFrom, acceptedTo })).map((row) => this.told(row)),
      (model) => model.list(filter),
    );
  }

  instances(): Operation {
    return reading(
      async (log) => {
        const rows = (await log.instances()).filter(({ instanceId }) => instanceId !== CLOCK_READER);
        return byInstance(
          rows.map((row) => ({
            ...row,
            startedAt: this.runMs(row.startedAt),
            leaseUntil: this.runMs(row.leaseUntil),
          })),
        );
      },
      (model) => byInstance(model.instances()),
    );
  }

  counts(): Operation {
    return {
      ask: async (log) => {
        const { byState, oldestStuckAt, ...counts } = await log.counts();
        const told = {
          ...counts,
          oldestStuckAt: oldestStuckAt === undefined ? undefined : this.runMs(oldestStuckAt),
        };
        const { committed, aborted, ...live } = byState;
        return (model) => {
          expectLive(model, live, told);
          expectFinished(model, 'committed', committed);
          expectFinished(model, 'aborted', aborted);
        };
      },
    };
  }

  /** Returns what is written as the model knows it: in times of the run, and its document as JSON brings it back. */
  known<Written extends { readonly progress: RowProgress }>(written: Written): Written {
    const { stuckAt, document, ...progress } = written.progress;
    const known = {
      ...progress,
      stuckAt: stuckAt === undefined ? undefined : this.runMs(stuckAt),
      document: JSON.parse(JSON.stringify(document)) as Json,
    };
    return { ...written, progress: known };
  }

  /** Returns a row of the log in times of the run. */
  private told<Row extends StoredRow>(row: Row): Row {
    return {
      ...row,
      format: Math.min(row.format, ROW_FORMAT + 1),
      acceptedAt: this.runMs(row.acceptedAt),
      updatedAt: this.runMs(row.updatedAt),
      deadlineAt: row.deadlineAt === undefined ? undefined : this.runMs(row.deadlineAt),
      stuckAt: row.stuckAt === undefined ? undefined : this.runMs(row.stuckAt),
      finishedAt: row.finishedAt === undefined ? undefined : this.runMs(row.finishedAt),
    };
  }

  private toldIfAny<Row extends StoredRow>(row: Row | undefined): Row | undefined {
    return row && this.told(row);
  }

  private toldOutcome(answer: AcceptOutcome): AcceptOutcome {
    return answer.outcome === 'accepted' ? { ...answer, acceptedAt: this.runMs(answer.acceptedAt) } : answer;
  }
}

/** Returns a batch that no log takes: it is rejected as a whole, and nothing of it is there. */
export function rejected(write: (log: TransactionLog) => Promise<unknown>): Operation {
  return {
    ask: async (log) => {
      const outcome = await write(log).then(
        () => 'taken',
        () => 'rejected',
      );
      return () => {
        expect(outcome).toBe('rejected');
      };
    },
  };
}

function writing<Answer>(operation: {
  readonly ask: (log: TransactionLog) => Promise<Answer>;
  readonly play: (model: LogModel) => Answer;
}): Operation {
  return { ...reading(operation.ask, operation.play), play: operation.play };
}

function reading<Answer>(
  ask: (log: TransactionLog) => Promise<Answer>,
  expected: (model: LogModel) => Answer,
): Operation {
  return {
    ask: async (log) => {
      const answer = await ask(log);
      return (model) => {
        expect(answer).toEqual(expected(model));
      };
    },
  };
}

function expectTaken(
  model: LogModel,
  taken: readonly StoredRow[],
  asked: { readonly instanceId: string; readonly limit: number; readonly isAlone: boolean },
): void {
  const claimable = model.claimable(asked.instanceId);
  const gids = taken.map(({ gid }) => gid);
  expect(claimable).toEqual(expect.arrayContaining(gids));
  expect(new Set(gids).size).toBe(gids.length);
  expect(taken.length).toBeLessThanOrEqual(asked.limit);
  expect(taken.length).toBeGreaterThanOrEqual(asked.isAlone ? Math.min(asked.limit, claimable.length) : 0);
  const owners = gids.map((gid) => model.get(gid)?.owner);
  const played = gids.map((gid) => model.takeOver(asked.instanceId, gid));
  expect(taken).toEqual(played.map((row, index) => ({ ...row, formerOwner: owners[index] })));
}

function expectTakenAnew(
  model: LogModel,
  taken: readonly StoredRow[],
  asked: { readonly instanceId: string; readonly gids: readonly string[]; readonly isAlone: boolean },
): void {
  const own = model.ownedOf(asked.instanceId, asked.gids);
  const gids = taken.map(({ gid }) => gid);
  expect(own).toEqual(expect.arrayContaining(gids));
  expect(taken.length).toBeGreaterThanOrEqual(asked.isAlone ? own.length : 0);
  expect(taken).toEqual(gids.map((gid) => model.takeOver(asked.instanceId, gid)));
}

function expectLive(
  model: LogModel,
  live: Readonly<Partial<Record<RowState, number>>>,
  attention: ReturnType<LogModel['attention']>,
): void {
  expect(attention).toEqual(model.attention());
  expect(live).toEqual({ active: 0, running: 0, committing: 0, aborting: 0, ...model.liveCounts() });
}

function expectFinished(model: LogModel, state: 'committed' | 'aborted', count: number): void {
  expect(count).toBeGreaterThanOrEqual(model.finishedCount(state, DAY_MS - COUNT_SLACK_MS));
  expect(count).toBeLessThanOrEqual(model.finishedCount(state, DAY_MS + COUNT_SLACK_MS));
}

function byGid<Row extends { readonly gid: string }>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((left, right) => (left.gid < right.gid ? -1 : 1));
}

function byInstance<Row extends { readonly instanceId: string }>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((left, right) => (left.instanceId < right.instanceId ? -1 : 1));
}
