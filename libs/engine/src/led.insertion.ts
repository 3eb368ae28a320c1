import { isEnded, type Saga } from '@atone/core';
import type { Arrivals } from './arrivals.js';
import { snapshotOf, type DriverTable } from './driver.table.js';
import type { EngineOptions } from './engine.options.js';
import type { EnginePorts } from './engine.ports.js';
import { LogDoubtError, LogRestoredError } from './errors.js';
import { reached, type InsertionPoint } from './failpoints.js';
import type { Hearsay } from './hearsay.js';
import type { LedGate } from './led.gate.js';
import type { InsertOutcome, NewRow, StoredRow } from './log.port.js';
import type { LogWriter } from './log-writer.js';
import { endingOf } from './observer.port.js';
import { encodePlan, encodeProgress, servicesOf, withAcceptance, type Envelope } from './saga.codec.js';
import type { Snapshot } from './snapshot.js';
import { isHopeless } from './write-each.js';

/** A led transaction of which the log may know nothing yet. */
export interface LedStart {
  readonly envelope: Envelope;
  readonly saga: Saga;
  /** Services that have a part in it, beside those of its branches. */
  readonly services?: readonly string[];
  /** Counted from the log's now. */
  readonly deadlineInMs?: number | undefined;
  /** The life of the log in which it may be inserted. Default: that in which it began. */
  readonly epoch?: number | undefined;
}

/** The row that is there instead; and whether, for all one knows, it is the one that was to be inserted. */
export interface Found {
  readonly row: StoredRow;
  readonly isInDoubt: boolean;
}

/** What an insertion works with. */
export interface InsertionParts {
  readonly options: Pick<EngineOptions, 'instanceId'>;
  readonly writer: LogWriter;
  readonly drivers: DriverTable;
  readonly arrivals: Arrivals;
  readonly hearsay: Hearsay;
  readonly gate: LedGate;
  /** Lets one more in. @throws {OverloadedError} */
  readonly admit: (point: InsertionPoint) => void;
  readonly suspectOrphans: (gid?: string) => void;
}

/** Writes what is written first of a led transaction, and has it driven from there. */
export class LedInsertion {
  constructor(
    private readonly ports: EnginePorts,
    private readonly parts: InsertionParts,
  ) {}

  /**
   * Inserts a row and drives it, unless the log holds the gid: then returns what it holds.
   *
   * @throws {LogRestoredError} when the log is in another life than it is for, and there is no row.
   * @throws {OverloadedError} when this instance holds too many; nothing was written.
   * @throws {LogDoubtError} when the log did not answer.
   */
  async insertOrFind(start: LedStart, point: InsertionPoint): Promise<Snapshot | Found> {
    const { gid } = start.saga;
    const hindrance = this.parts.gate.epochHindrance(gid, lifeOf(start));
    if (hindrance !== undefined) {
      const row = await this.read(gid);
      if (row === undefined) {
        throw hindrance;
      }
      return { row, isInDoubt: false };
    }
    this.parts.admit(point);
    let outcome: InsertOutcome;
    try {
      outcome = await this.insert(start, point);
    } catch (error) {
      if (isHopeless(error)) {
        throw error;
      }
      // The row may be there all the same; where nobody asks again, recovery finds it.
      this.parts.suspectOrphans();
      return { row: await this.found(gid, error), isInDoubt: true };
    }
    switch (outcome.outcome) {
      case 'inserted':
        this.compareWithHearsay(start);
        return this.drive(start, outcome);
      case 'exists':
        return { row: await this.found(gid), isInDoubt: false };
      case 'other-life':
        throw new LogRestoredError(gid, lifeOf(start) ?? 0);
    }
  }

  /** Returns the row of a gid. @throws {LogDoubtError} when the log did not answer. */
  async read(gid: string): Promise<StoredRow | undefined> {
    try {
      return await this.ports.log.get(gid);
    } catch (error) {
      throw new LogDoubtError(`The log did not tell what it holds of transaction ${gid}.`, { cause: error });
    }
  }

  /** Has a live row of this instance found that nobody drives: its insertion was done, and never answered. */
  adoptOrphan(row: StoredRow): void {
    const { drivers, arrivals, options } = this.parts;
    const isOurs = row.owner === options.instanceId && row.finishedAt === undefined;
    if (isOurs && !drivers.has(row.gid) && !arrivals.has(row.gid)) {
      // To read it told nothing of the life of the log that it was read in. A claim does.
      this.parts.suspectOrphans(row.gid);
    }
  }

  private async insert(start: LedStart, point: InsertionPoint): Promise<InsertOutcome> {
    return this.parts.arrivals.during(start.saga.gid, async () => {
      await reached(`${point}.beforeWrite`);
      const outcome = await this.parts.writer.insertIfAbsent(ledRow(this.parts.options.instanceId, start));
      await reached(`${point}.afterWrite`);
      return outcome;
    });
  }

  /** Hearsay refuses nobody: whoever may send commands to the participants is held against the secret that they know. */
  private compareWithHearsay({ envelope, saga: { gid, plan } }: LedStart): void {
    const heard = this.parts.hearsay.heardOf(gid);
    if (heard !== undefined && heard.notice.secretHash !== plan.led?.secretHash) {
      const { initiator } = envelope;
      this.ports.logger.warn({ gid, initiator }, 'first row contradicts the notice of its beginning');
    }
  }

  private drive(
    { envelope, saga, deadlineInMs }: LedStart,
    { acceptedAt, epoch }: { readonly acceptedAt: number; readonly epoch: number },
  ): Snapshot {
    const { drivers, options } = this.parts;
    const { clock } = this.ports;
    if (acceptedAt > clock.now()) {
      // The log has told its time once more, or the transaction would seem to end before it began.
      clock.synchronize(acceptedAt);
    }
    const deadlineAt = deadlineInMs === undefined ? undefined : acceptedAt + deadlineInMs;
    const inserted = withAcceptance({ ...saga, deadlineAt }, acceptedAt);
    this.ports.observer?.accepted('led');
    if (isEnded(inserted)) {
      this.ports.observer?.ended(endingOf(inserted));
      return { envelope, saga: inserted, version: 1, owner: undefined };
    }
    const driver = drivers.drive(envelope, { saga: inserted, version: 1, epoch });
    driver?.post({ type: 'start' });
    return driver === undefined
      ? { envelope, saga: inserted, version: 1, owner: options.instanceId }
      : snapshotOf(driver, options.instanceId);
  }

  private async found(gid: string, cause?: unknown): Promise<StoredRow> {
    const row = await this.read(gid);
    if (row === undefined) {
      throw new LogDoubtError(`The log did not confirm what was asked for transaction ${gid}.`, { cause });
    }
    return row;
  }
}

/** Returns the first row of a led transaction. */
export function ledRow(owner: string, start: LedStart): NewRow {
  const { envelope, saga, deadlineInMs, services = [] } = start;
  const { gid, name, initiator, lane, tags } = envelope;
  return {
    gid,
    kind: 'led',
    name,
    initiator,
    lane,
    tags,
    services: [...new Set([...servicesOf(saga), ...services])],
    owner,
    epoch: lifeOf(start),
    deadlineInMs,
    plan: encodePlan(saga, envelope),
    progress: encodeProgress(saga, deadlineInMs),
  };
}

function lifeOf({ epoch, saga: { plan } }: LedStart): number | undefined {
  return epoch ?? plan.led?.epoch;
}
