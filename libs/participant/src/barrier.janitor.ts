import { ENDING_COUNT_MAX } from '@atone/protocol';
import { findOld, removeRows, type FoundGids } from './barrier.mark.js';
import { durationMs, type Duration } from './client.duration.js';
import type { LocalDatabase, SqlSession } from './database.port.js';
import type { TransactionEndings } from './endings.port.js';
import { reached } from './failpoints.js';
import { MisuseError } from './participant.error.js';
import { RepeatedPasses, type PassPorts } from './repeated.passes.js';
import type { RegistrationLog } from './registration.js';

/** When rows of the barrier are removed. */
export interface CleanUpOptions {
  /**
   * How often to look for rows that can go, up to 168 hours. Default: every minute. Each pause is drawn between half and
   * one and a half of it. While looks remove nothing and find transactions that the coordinator does not know, the pauses
   * double, up to an hour.
   */
  readonly every?: Duration | undefined;
  /**
   * For how long rows are kept after the end of their transaction: as long as a command may come again after it, so
   * that repeats get their stored answers. Default: 24 hours. What comes later still has no second effect, but
   * the coordinator has to be asked.
   */
  readonly keepFor?: Duration | undefined;
  /** How many transactions to ask about at once, up to 200. Default: 200. */
  readonly batch?: number | undefined;
}

export const DEFAULT_CLEAN_UP = {
  every: '1m',
  keepFor: '24h',
  batch: ENDING_COUNT_MAX,
} as const satisfies CleanUpOptions;

export interface JanitorOptions extends CleanUpOptions {
  /** Only rows of this service are looked at: others in the same database may have another coordinator. */
  readonly service: string;
  readonly database: LocalDatabase<unknown>;
  readonly endings: TransactionEndings;
  /** Default: nothing is logged. */
  readonly log?: RegistrationLog | undefined;
}

export type JanitorPorts = PassPorts;

/** What one pass came upon. */
export interface PassReport {
  /** How many rows it removed. */
  readonly removedRowCount: number;
  /** Of how many transactions. */
  readonly removedCount: number;
  /** How many old transactions are live, or have not ended long enough ago. */
  readonly keptCount: number;
  /** How many the coordinator's log does not hold. Their rows stay until somebody removes them by hand. */
  readonly unknownCount: number;
}

/** Removes the barrier rows of transactions that have long ended, and of those alone. */
export interface BarrierJanitor {
  /** Begins to look for rows, in the background. */
  start(): void;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
  /** Goes through all old rows once. Rejects when the database or the coordinator does not answer; what was removed stays so. */
  pass(): Promise<PassReport>;
}

const NOTHING: PassReport = { removedRowCount: 0, removedCount: 0, keptCount: 0, unknownCount: 0 };

/** Less than any gid. */
const LEAST = '00000000-0000-0000-0000-000000000000';

/** How many rows are looked at for each gid of a batch: most transactions leave several, and others share the table. */
const ROWS_PER_GID = 5;

/** How many passes go by until one begins with the oldest row of all, behind which others may have left a million. */
const WHOLE_EVERY = 10;

const EVERY_MS_MIN = 10;

/** How far the pause grows while the log holds nothing of what is found. */
const PAUSE_MS_MAX = 3_600_000;

/** A timer that is set for more than 24 days goes off at once, and the passes would never pause. */
const EVERY_HOURS_MAX = 168;

/**
 * Returns the janitor of a service over `ports`; it does nothing before `start`.
 *
 * @throws MisuseError for options that cannot work, RangeError for what is no duration.
 */
export function createPortJanitor(options: JanitorOptions, ports: JanitorPorts): BarrierJanitor {
  const everyMs = durationMs(options.every ?? DEFAULT_CLEAN_UP.every);
  const keepForMs = durationMs(options.keepFor ?? DEFAULT_CLEAN_UP.keepFor);
  const batch = options.batch ?? DEFAULT_CLEAN_UP.batch;
  if (everyMs < EVERY_MS_MIN) {
    throw new MisuseError(
      `\`every\` of the clean-up is ${everyMs} ms, and would leave no time for anything else. Give it ${EVERY_MS_MIN} ms or more.`,
    );
  }
  if (everyMs > EVERY_HOURS_MAX * 3_600_000) {
    throw new MisuseError(
      `\`every\` of the clean-up is ${everyMs} ms, longer than it may be. Give it ${EVERY_HOURS_MAX}h or less.`,
    );
  }
  if (!Number.isInteger(batch) || batch < 1 || batch > ENDING_COUNT_MAX) {
    throw new MisuseError(
      `\`batch\` of the clean-up is ${batch}. It must be a whole number from 1 to ${ENDING_COUNT_MAX}.`,
    );
  }
  return new PortJanitor(options, ports, { everyMs, keepForMs, batch });
}

class PortJanitor implements BarrierJanitor {
  private readonly passes: RepeatedPasses;
  private lastUnknownCount = 0;
  private pauseMs: number;
  private passCount = 0;
  /** No row of the service was left up to this gid. What comes late may have left one since. */
  private clearUpTo = LEAST;

  constructor(
    private readonly options: JanitorOptions,
    ports: JanitorPorts,
    private readonly settings: { everyMs: number; keepForMs: number; batch: number },
  ) {
    this.pauseMs = settings.everyMs;
    const { service, log } = options;
    this.passes = new RepeatedPasses(
      {
        everyMs: settings.everyMs,
        pass: async () => this.passAndTell(),
        pauseMs: () => this.pauseMs,
        tellFailure: (error) => {
          log?.warn({ service, error }, 'barrier rows could not be removed; trying again');
        },
      },
      ports,
    );
  }

  start(): void {
    this.passes.start();
  }

  stop(): Promise<void> {
    return this.passes.stop();
  }

  async pass(): Promise<PassReport> {
    this.clearUpTo = LEAST;
    return this.passOn();
  }

  private async passOn(): Promise<PassReport> {
    let report = NOTHING;
    let after = this.clearUpTo;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- each look begins behind the one before
      const { own, last } = await this.look(after);
      // oxlint-disable-next-line no-await-in-loop
      report = sumOf(report, await this.removeInBatches(own));
      if (last === undefined || this.passes.isStopped) {
        return report;
      }
      after = last;
      if (report.keptCount + report.unknownCount === 0) {
        this.clearUpTo = after;
      }
    }
  }

  private async look(after: string): Promise<FoundGids> {
    const { service, database } = this.options;
    const { batch, keepForMs } = this.settings;
    const old = { service, after, olderThanMs: keepForMs, rowCount: batch * ROWS_PER_GID };
    return database.transaction(({ sql }) => findOld(sql, old));
  }

  private async removeInBatches(gids: readonly string[]): Promise<PassReport> {
    const { batch } = this.settings;
    let report = NOTHING;
    for (let start = 0; start < gids.length && (start === 0 || !this.passes.isStopped); start += batch) {
      // oxlint-disable-next-line no-await-in-loop -- one question at a time, and a stop ends them
      report = sumOf(report, await this.removeEnded(gids.slice(start, start + batch)));
    }
    return report;
  }

  private async removeEnded(gids: readonly string[]): Promise<PassReport> {
    const { service, database, endings } = this.options;
    const asked = new Set(gids);
    const known = (await endings.endings(gids)).filter(({ gid }) => asked.has(gid));
    const over = known
      .filter((ending) => !ending.isLive && ending.endedForMs >= this.settings.keepForMs)
      .map(({ gid }) => gid);
    return {
      removedRowCount:
        over.length === 0 ? 0 : await database.transaction(({ sql }) => remove(sql, service, over)),
      removedCount: over.length,
      keptCount: known.length - over.length,
      unknownCount: gids.length - known.length,
    };
  }

  private async passAndTell(): Promise<void> {
    const report = await (this.isWholeDue() ? this.pass() : this.passOn());
    this.pauseMs = this.pauseAfter(report);
    this.tell(report);
  }

  private isWholeDue(): boolean {
    this.passCount += 1;
    return this.passCount % WHOLE_EVERY === 0 || this.pauseMs > this.settings.everyMs;
  }

  /** What the log does not hold it will hardly ever hold again, and it may be much to ask about. */
  private pauseAfter({ removedCount, unknownCount }: PassReport): number {
    const { everyMs } = this.settings;
    const isInVain = removedCount === 0 && unknownCount > 0;
    return isInVain ? Math.max(everyMs, Math.min(this.pauseMs * 2, PAUSE_MS_MAX)) : everyMs;
  }

  private tell({ removedRowCount, removedCount, unknownCount }: PassReport): void {
    const { service, log } = this.options;
    if (removedRowCount > 0) {
      log?.info({ service, rows: removedRowCount, transactions: removedCount }, 'barrier rows removed');
    }
    if (unknownCount > 0 && unknownCount !== this.lastUnknownCount) {
      log?.warn({ service, transactions: unknownCount }, UNKNOWN);
    }
    this.lastUnknownCount = unknownCount;
  }
}

async function remove(sql: SqlSession, service: string, gids: readonly string[]): Promise<number> {
  const count = await removeRows(sql, service, gids);
  await reached('participant.removal.beforeCommit');
  return count;
}

const UNKNOWN =
  'barrier rows are kept of transactions that the log of the coordinator does not hold; remove them by hand';

function sumOf(left: PassReport, right: PassReport): PassReport {
  return {
    removedRowCount: left.removedRowCount + right.removedRowCount,
    removedCount: left.removedCount + right.removedCount,
    keptCount: left.keptCount + right.keptCount,
    unknownCount: left.unknownCount + right.unknownCount,
  };
}
