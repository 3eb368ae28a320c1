import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER, STORE, type Store } from './tokens.js';

const UPKEEP_EVERY_MS = 3_600_000;

/** Looks after the log every hour: room for the days ahead, and nothing kept that nobody will ask for. */
@Injectable()
export class StoreUpkeep {
  private timer: NodeJS.Timeout | undefined;
  private underWay: Promise<void> = Promise.resolve();

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.underWay = this.lookAfter();
    this.timer = setInterval(() => {
      this.underWay = this.lookAfter();
    }, UPKEEP_EVERY_MS);
    this.timer.unref();
  }

  /** Ends the upkeep, and closes the store. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.underWay;
    await this.store.close();
  }

  private async lookAfter(): Promise<void> {
    try {
      await this.store.ensurePartitions();
      await this.store.cleanUp();
    } catch (error) {
      // The next hour tries again; partitions are made a week ahead.
      this.logger.error({ error }, 'upkeep of the log failed');
    }
  }
}
