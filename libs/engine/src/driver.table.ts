import { awaitsService, stuckOf } from '@atone/core';
import type { ReplyEnvelope } from '@atone/protocol';
import type { EnginePorts } from './engine.ports.js';
import type { ClaimedRow } from './log.port.js';
import type { LogWriter } from './log-writer.js';
import { endingOf } from './observer.port.js';
import type { OutcomeWaiters } from './outcome-waiters.js';
import {
  decodeEnvelope,
  decodeSaga,
  plannedStepsOf,
  UnreadableRowError,
  type Envelope,
} from './saga.codec.js';
import { SagaDriver, type DriverHost, type DriverStart, type Release } from './saga.driver.js';
import type { Snapshot } from './snapshot.js';
import { newlyStuck } from './stuck.part.js';
import type { ReplyFate } from './transport.port.js';

/** Over how long the transactions that waited for a service ask it again, */
const WAKE_SPREAD_MS = 2_000;

/** and how many of them in a second at most, however many have waited. */
const WAKE_RATE_MAX = 200;

interface TableParts {
  readonly instanceId: string;
  readonly writer: LogWriter;
  readonly waiters: OutcomeWaiters;
  /** The life of the log, as it was told last. */
  readonly epoch: () => number | undefined;
  /** A row may be this instance's though nobody drives it: this one, or any. */
  readonly suspectOrphans: (gid?: string) => void;
}

const AT_ONCE = Promise.resolve();

const ELSEWHERE: ReplyFate = { isDriven: false, settled: () => AT_ONCE };

/** Most replies cause no write. */
const SETTLED_HERE: ReplyFate = { isDriven: true, settled: () => AT_ONCE };

/** The sagas that this instance drives, and how one comes to be among them. */
export class DriverTable {
  private readonly drivers = new Map<string, SagaDriver>();
  private readonly host: DriverHost;

  constructor(
    private readonly ports: EnginePorts,
    private readonly parts: TableParts,
  ) {
    this.host = {
      instanceId: parts.instanceId,
      clock: ports.clock,
      random: ports.random,
      write: (update, isUrgent) => parts.writer.update(update, isUrgent),
      send: (command, answerWithinMs) => {
        ports.transport.send(command, answerWithinMs);
      },
      advanced: (driver, next) => {
        const stuck = newlyStuck(driver.saga, next);
        if (stuck !== undefined) {
          const { gid, name } = driver.envelope;
          ports.logger.warn({ gid, name, ...stuck }, 'transaction stuck');
          ports.observer?.gotStuck(stuck.reason);
        }
      },
      released: (driver, how) => {
        this.released(driver, how);
      },
      crashed: (driver, error) => {
        void this.quarantine(driver.gid, error);
      },
    };
  }

  get size(): number {
    return this.drivers.size;
  }

  has(gid: string): boolean {
    return this.drivers.has(gid);
  }

  get(gid: string): SagaDriver | undefined {
    return this.drivers.get(gid);
  }

  /**
   * Has a saga driven here, unless it already is by a later claim: an acceptance or a claim whose answer was slow must
   * not push aside the driver of an act that came in between.
   */
  drive(envelope: Envelope, start: DriverStart): SagaDriver | undefined {
    const present = this.drivers.get(envelope.gid);
    if (present !== undefined && present.version >= start.version) {
      return undefined;
    }
    present?.drop();
    const driver = new SagaDriver(this.host, envelope, start);
    this.drivers.set(envelope.gid, driver);
    return driver;
  }

  /** Goes on with what another instance drove, or this one without knowing of it. */
  adopt(row: ClaimedRow): void {
    this.open(row)?.post({ type: 'claim', by: this.parts.instanceId });
  }

  /** Has the saga of a row driven here that is this instance's. A row that makes no sense is left to operators. */
  open(row: ClaimedRow): SagaDriver | undefined {
    try {
      const { version, epoch } = row;
      const start = { saga: decodeSaga(row), version, epoch, plannedSteps: plannedStepsOf(row) };
      return this.drive(decodeEnvelope(row), start);
    } catch (error) {
      if (!(error instanceof UnreadableRowError)) {
        throw error;
      }
      void this.quarantine(row.gid, error);
      return undefined;
    }
  }

  /** Takes a live row over, whoever drives it. */
  async claim(gid: string): Promise<ClaimedRow | undefined> {
    try {
      return await this.ports.log.claim(this.parts.instanceId, gid);
    } catch (error) {
      // The row may be ours all the same, and nobody drives it.
      this.parts.suspectOrphans();
      throw error;
    }
  }

  /** Gives a reply to the driver of its transaction. Where there is none it is passed over: only a claim takes over. */
  deliver(envelope: ReplyEnvelope): ReplyFate {
    const driver = this.drivers.get(envelope.gid);
    if (driver === undefined) {
      return ELSEWHERE;
    }
    const { branchId, op, round, attempt, reply } = envelope;
    driver.post({ type: 'reply', branchId, op, round, attempt, reply });
    return driver.isSettled ? SETTLED_HERE : { isDriven: true, settled: () => driver.settled() };
  }

  /**
   * Asks again what could not be reached at a service of which an instance has come. Spread at random, so that it is not
   * met by all at once, and never before their own time for those whose next attempt is due sooner.
   */
  reachable(service: string): void {
    const waiting = [...this.drivers.values()].filter(({ saga }) =>
      saga.branches.some((branch) => awaitsService(saga, branch, service)),
    );
    const spreadMs = Math.max(WAKE_SPREAD_MS, (waiting.length / WAKE_RATE_MAX) * 1_000);
    for (const driver of waiting) {
      this.ports.clock.setTimer(this.ports.random.next() * spreadMs, () => {
        driver.post({ type: 'reachable', service });
      });
    }
  }

  writeProgress(): void {
    for (const driver of this.drivers.values()) {
      driver.writeProgress();
    }
  }

  /** Forgets those that began in another life of the log than it is in now: what they know of their rows may be lost. */
  dropOthers(epoch: number): void {
    for (const driver of this.drivers.values()) {
      if (driver.epoch !== epoch) {
        driver.drop();
      }
    }
  }

  /** Forgets them all: the instance stops, or stands by. */
  dropAll(): void {
    for (const driver of this.drivers.values()) {
      driver.drop();
    }
  }

  private released(driver: SagaDriver, how: Release): void {
    const { waiters, suspectOrphans } = this.parts;
    if (this.drivers.get(driver.gid) === driver) {
      this.drivers.delete(driver.gid);
    }
    if (how === 'ended') {
      this.ports.observer?.ended(endingOf(driver.saga));
      waiters.settle(driver.gid, snapshotOf(driver, undefined));
    } else if (how === 'idle') {
      // It waits for an operator, or for long: whoever waits for its end had better know that now.
      waiters.settle(driver.gid, snapshotOf(driver, undefined));
      const stuck = stuckOf(driver.saga);
      this.ports.logger.info({ gid: driver.gid, stuck: stuck?.reason }, 'transaction set aside');
    } else if (how === 'lost') {
      this.ports.logger.info({ gid: driver.gid }, 'transaction lost to another instance');
      // Or to a claim of our own whose answer never came, or to another life of the log: while its former driver was
      // there, nothing pointed at the row.
      suspectOrphans(driver.gid);
    }
  }

  /** A row that this version cannot drive is marked for operators and left alone otherwise. */
  private async quarantine(gid: string, error: unknown): Promise<void> {
    this.ports.logger.error({ gid, error }, 'transaction quarantined');
    try {
      // Before the row is read: what is read may be of a later life, and then nothing is written.
      const epoch = this.parts.epoch() ?? 0;
      const row = await this.ports.log.get(gid);
      if (row !== undefined && row.finishedAt === undefined && row.owner === this.parts.instanceId) {
        await this.parts.writer.quarantine(row, epoch);
      }
    } catch (failure) {
      // The row is still ours and has no driver: the look for orphans comes back to it.
      this.ports.logger.warn({ gid, error: failure }, 'quarantine failed');
      this.parts.suspectOrphans();
    }
  }
}

/** Returns the transaction as its driver has it. */
export function snapshotOf(driver: SagaDriver, owner: string | undefined): Snapshot {
  return { envelope: driver.envelope, saga: driver.saga, version: driver.version, owner };
}
