import { gidLogNumber, gidTimeMs, type Saga } from '@atone/core';
import { LED_TIMEOUT_MAX_MS } from '@atone/protocol';
import type { Clock } from './clock.port.js';
import type { EngineOptions } from './engine.options.js';
import {
  LogDoubtError,
  LogRestoredError,
  NotMyTransactionError,
  TransactionTooOldError,
  type EngineError,
} from './errors.js';

type GateOptions = Pick<EngineOptions, 'logNumber' | 'skewMs' | 'memoryMs'>;

/** Tells for which gids this log may write something new. */
export class LedGate {
  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly options: GateOptions,
    private readonly epoch: () => number | undefined,
  ) {
    if (options.memoryMs < LED_TIMEOUT_MAX_MS) {
      throw new RangeError(
        `The log must remember at least ${LED_TIMEOUT_MAX_MS} ms, the longest that a led transaction may be undecided.`,
      );
    }
  }

  isOwn(gid: string): boolean {
    return gidLogNumber(gid) === this.options.logNumber;
  }

  /** @throws {NotMyTransactionError} when another log decides it. */
  checkOwn(gid: string): void {
    if (!this.isOwn(gid)) {
      throw new NotMyTransactionError(gid, this.options.logNumber);
    }
  }

  /** @throws what `hindrance` returns. */
  check(gid: string): void {
    const hindrance = this.hindrance(gid);
    if (hindrance !== undefined) {
      throw hindrance;
    }
  }

  /** Returns why nothing new can be written of a gid, whichever life of the log it began in. */
  hindrance(gid: string): EngineError | undefined {
    const { logNumber, skewMs, memoryMs } = this.options;
    if (!this.isOwn(gid)) {
      return new NotMyTransactionError(gid, logNumber);
    }
    const ageMs = this.clock.now() - gidTimeMs(gid);
    if (ageMs < -skewMs) {
      return new TransactionTooOldError(gid, 'bears a time that is yet to come');
    }
    return ageMs > memoryMs
      ? new TransactionTooOldError(gid, 'is older than what the log remembers')
      : undefined;
  }

  /**
   * Tells whether a transaction of ours bears a time that is yet to come, or began in a life of the log that has not been noticed here
   * yet: whoever tells of it may know more than this coordinator does so far.
   */
  isAhead(gid: string, epoch: number): boolean {
    const isYetToCome = gidTimeMs(gid) > this.clock.now() + this.options.skewMs;
    return this.isOwn(gid) && (isYetToCome || epoch > this.presentEpoch());
  }

  /** @throws {LogDoubtError} before the log was asked for the first time. */
  presentEpoch(): number {
    const epoch = this.epoch();
    if (epoch === undefined) {
      throw new LogDoubtError('The log has not told yet which life it is in. Ask again.');
    }
    return epoch;
  }

  /**
   * Returns why the log cannot decide what it holds as undecided: it may have lost the decision with an earlier life than `seenIn`,
   * in which this was seen.
   */
  undecidable({ gid, state, plan: { led } }: Saga, seenIn?: number): LogRestoredError | undefined {
    return state === 'active' ? this.epochHindrance(gid, led?.epoch, seenIn) : undefined;
  }

  /** Returns why nothing new can be written of a transaction that began in another life of the log. */
  epochHindrance(
    gid: string,
    began: number | undefined,
    present = this.presentEpoch(),
  ): LogRestoredError | undefined {
    return began === present ? undefined : new LogRestoredError(gid, began ?? 0, present);
  }
}
