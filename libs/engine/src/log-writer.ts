import type { Clock } from './clock.port.js';
import { FlushLane } from './flush-lane.js';
import { isHopeless, resultOf, writeEach, type WriteResult } from './write-each.js';
import type {
  AcceptOutcome,
  InsertOutcome,
  NewRow,
  RowUpdate,
  StoredRow,
  TransactionLog,
} from './log.port.js';
import type { EngineLogger } from './logger.port.js';

const BATCH_COUNT_MAX = 1_024;
const DOUBT_PAUSE_MS = 100;
const DOUBT_PAUSE_MAX_MS = 2_000;
const QUARANTINE_LOOK_MS = 86_400_000;

interface WriterPorts {
  readonly log: TransactionLog;
  readonly clock: Clock;
  readonly logger: EngineLogger;
}

/**
 * What became of the update of a row: it is durable; the row is another's now; or nobody knows, for the
 * log did not answer and this instance stops.
 */
export type UpdateOutcome = 'done' | 'lost' | 'dropped';

/**
 * Writes to the log in batches: one lane for acceptances, one for what is inserted where nothing is, one for updates; at
 * most one flush of each is under way.
 */
export class LogWriter {
  private readonly acceptLane: FlushLane<NewRow, WriteResult<AcceptOutcome>>;
  private readonly insertLane: FlushLane<NewRow, WriteResult<InsertOutcome>>;
  private readonly updateLane: FlushLane<RowUpdate, WriteResult<boolean>>;
  private pendingCount = 0;
  private isStopping = false;

  constructor(
    private readonly ports: WriterPorts,
    options: { readonly endLagMs: number; readonly crowd: () => number },
  ) {
    const lane = {
      clock: ports.clock,
      countMax: BATCH_COUNT_MAX,
      lagMs: options.endLagMs,
      crowd: options.crowd,
    };
    this.acceptLane = new FlushLane(
      async (rows) => writeEach(rows, async (some) => ports.log.accept(some)),
      lane,
    );
    this.insertLane = new FlushLane(
      async (rows) => writeEach(rows, async (some) => ports.log.insertIfAbsent(some)),
      // Several may try to decide one transaction at a time. Who will decide next is led elsewhere, and in no crowd here.
      { ...lane, crowd: undefined, subjectOf: (row) => row.gid },
    );
    this.updateLane = new FlushLane(
      async (updates) => writeEach(updates, async (some) => ports.log.update(some)),
      // A driver that has lost its row may still be in doubt about a write, while its heir writes already.
      { ...lane, subjectOf: (update) => update.gid },
    );
  }

  /** Settles when the row is durable. A rejection leaves open whether it is. */
  async accept(row: NewRow): Promise<AcceptOutcome> {
    return this.counted(this.acceptLane.add(row));
  }

  /** Settles when it is durable that the log holds the gid, by this row or another. A rejection leaves open whether it is. */
  async insertIfAbsent(row: NewRow): Promise<InsertOutcome> {
    return this.counted(this.insertLane.add(row));
  }

  /**
   * Updates a row by compare-and-set, and again until the log has answered or this instance stops.
   *
   * After an error the write may have happened: then the row has the next version, and holds what was written. The
   * owner alone would not tell: this instance itself may have taken the row over in between, for an act.
   *
   * @throws what the log says when it will never take this update.
   */
  async update(update: RowUpdate, isUrgent: boolean): Promise<UpdateOutcome> {
    this.pendingCount += 1;
    try {
      return resultOf(await this.updateLane.add(update, isUrgent)) ? 'done' : 'lost';
    } catch (error) {
      return await this.updateInDoubt(update, { isUrgent, error });
    } finally {
      this.pendingCount -= 1;
    }
  }

  /** Writes what stays behind for company, because somebody waits for it now. */
  hurry(): void {
    this.updateLane.hurry();
  }

  /** Marks a row that cannot be driven, as it was read in a life of the log, without touching what it holds. */
  async quarantine(row: StoredRow, epoch: number): Promise<void> {
    await this.update(
      {
        gid: row.gid,
        version: row.version,
        epoch,
        progress: {
          state: row.state,
          stuckReason: 'code',
          stuckAt: this.ports.clock.now(),
          isPaused: row.isPaused,
          dueInMs: QUARANTINE_LOOK_MS,
          document: row.progress,
        },
      },
      true,
    );
  }

  /** Waits for the writes that are under way, and has those in doubt give up. */
  async drain(): Promise<void> {
    this.isStopping = true;
    for (let round = 0; this.pendingCount > 0 && round < 50; round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      await this.pause(DOUBT_PAUSE_MS);
    }
  }

  private async counted<Answer>(write: Promise<WriteResult<Answer>>): Promise<Answer> {
    this.pendingCount += 1;
    try {
      return resultOf(await write);
    } finally {
      this.pendingCount -= 1;
    }
  }

  private async updateInDoubt(
    update: RowUpdate,
    first: { readonly isUrgent: boolean; readonly error: unknown },
  ): Promise<UpdateOutcome> {
    let { error } = first;
    for (let pauseMs = DOUBT_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, DOUBT_PAUSE_MAX_MS)) {
      if (isHopeless(error)) {
        throw error;
      }
      this.ports.logger.warn({ gid: update.gid, error }, 'log write in doubt');
      if (this.isStopping) {
        return 'dropped';
      }
      // oxlint-disable-next-line no-await-in-loop -- each attempt follows from what became of the one before.
      await this.pause(pauseMs);
      try {
        // oxlint-disable-next-line no-await-in-loop
        const isDone = resultOf(await this.updateLane.add(update, first.isUrgent));
        // oxlint-disable-next-line no-await-in-loop
        return isDone || (await this.wasMine(update)) ? 'done' : 'lost';
      } catch (again) {
        error = again;
      }
    }
  }

  private async wasMine(update: RowUpdate): Promise<boolean> {
    const row = await this.ports.log.get(update.gid);
    return (
      row?.version === update.version + 1 &&
      row.owner === update.owner &&
      row.state === update.progress.state &&
      JSON.stringify(row.progress) === JSON.stringify(update.progress.document)
    );
  }

  private async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.ports.clock.setTimer(ms, resolve);
    });
  }
}
