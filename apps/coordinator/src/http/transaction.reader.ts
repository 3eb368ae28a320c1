import {
  Engine,
  hearsayView,
  snapshotOfRow,
  TransactionNotFoundError,
  UnreadableRowError,
  viewOf,
  withHearsay,
  type Snapshot,
  type StoredRow,
  type TransactionLog,
} from '@atone/engine';
import type { TransactionView } from '@atone/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { LOG } from '../tokens.js';
import { unreadableView } from './transaction.row.js';

/**
 * Shows transactions the same at every coordinator: what an act at one of them has changed, all of them show.
 *
 * The row says who drives it. Only that one knows more than the row; another may have driven it before, and not know
 * yet that it lost it.
 */
@Injectable()
export class TransactionReader {
  constructor(
    private readonly engine: Engine,
    @Inject(LOG) private readonly log: TransactionLog,
  ) {}

  /**
   * Returns the transaction as it stands: at once if it has ended, and else after `waitMs` or its end. What the log does
   * not hold is shown as far as it is heard of.
   */
  async view(gid: string, waitMs: number): Promise<TransactionView> {
    const row = await this.log.get(gid);
    if (row === undefined) {
      return this.heardView(gid, waitMs);
    }
    const view = await this.loggedView(row, waitMs);
    return withHearsay(view, this.engine.hearsay(gid));
  }

  private async loggedView(row: StoredRow, waitMs: number): Promise<TransactionView> {
    try {
      const snapshot = await this.snapshotOf(row);
      const isDone = waitMs === 0 || hasEnded(snapshot);
      return viewOf(isDone ? snapshot : await this.afterWait(row.gid, waitMs));
    } catch (error) {
      if (error instanceof UnreadableRowError) {
        return unreadableView(row, error);
      }
      throw error;
    }
  }

  /** Nobody waits for what nobody has heard of. What is only heard of may be decided meanwhile. */
  private async heardView(gid: string, waitMs: number): Promise<TransactionView> {
    const entry = this.engine.hearsay(gid);
    if (entry === undefined) {
      throw this.engine.notFound(gid);
    }
    if (waitMs === 0) {
      return hearsayView(entry);
    }
    try {
      await this.engine.waitForEnd(gid, waitMs);
    } catch (error) {
      if (!(error instanceof TransactionNotFoundError)) {
        throw error;
      }
    }
    return this.view(gid, 0);
  }

  private async afterWait(gid: string, waitMs: number): Promise<Snapshot> {
    const snapshot = await this.engine.waitForEnd(gid, waitMs);
    return hasEnded(snapshot) ? snapshot : this.snapshotOf(await this.rowOf(gid));
  }

  private async snapshotOf(row: StoredRow): Promise<Snapshot> {
    const isOurs = row.owner === this.engine.instanceId && row.finishedAt === undefined;
    return isOurs ? this.engine.get(row.gid) : snapshotOfRow(row);
  }

  private async rowOf(gid: string): Promise<StoredRow> {
    const row = await this.log.get(gid);
    if (row === undefined) {
      throw this.engine.notFound(gid);
    }
    return row;
  }
}

function hasEnded({ saga }: Snapshot): boolean {
  return saga.endedAt !== undefined;
}
