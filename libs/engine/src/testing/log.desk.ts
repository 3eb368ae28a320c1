import { mintGid } from '@atone/core';
import type { NewRow, RowProgress, RowUpdate, TransactionLog } from '../log.port.js';
import { SeededRandom } from './seeded-random.js';

/** An empty log, and what a test must be able to do beside it. */
export interface LogWorld {
  readonly log: TransactionLog;
  /** Lets time pass for all that is in the log. */
  advance(ms: number): Promise<void>;
  /** Has the log begin another life, which is counted: it has failed over, though nothing was lost. */
  beginLife(): Promise<void>;
  /** Puts a row in whose format is above `ROW_FORMAT`, as a newer version would have written it. */
  acceptUnknownFormat(row: NewRow): Promise<void>;
  /** Cuts off whatever the log is just being asked, so that the answer is lost. For a log behind connections. */
  interrupt?(): Promise<void>;
  /** Gives back what the log has used. */
  end(): Promise<void>;
}

export const ALICE = '00000000-0000-4000-8000-00000000000a';
export const BOB = '00000000-0000-4000-8000-00000000000b';
export const CAROL = '00000000-0000-4000-8000-00000000000c';
/** Proves to live for the sake of reading the log's clock. */
export const CLOCK_READER = '00000000-0000-4000-8000-0000000000cc';

export const LEASE_MS = 6_000;
export const DAY_MS = 86_400_000;

/** An instance at work: it mints rows by the log's clock, each one younger than the one before. */
export class Desk {
  readonly log: TransactionLog;
  now = 0;
  /** The life of the log, as it was told last. */
  epoch = 0;
  private mintedAt = 0;
  private readonly random = new SeededRandom(1);

  constructor(readonly world: LogWorld) {
    this.log = world.log;
  }

  async readClock(): Promise<void> {
    await this.tick();
    await this.log.renewLease(ALICE, LEASE_MS);
  }

  /** Reads the clock and the life of the log, and leaves Alice to prove herself that she lives. */
  async tick(): Promise<void> {
    this.now = await this.log.renewLease(CLOCK_READER, LEASE_MS);
    this.epoch = await this.log.epoch();
  }

  readonly newRow = (given: Partial<NewRow> = {}): NewRow => {
    this.mintedAt = Math.max(this.now, this.mintedAt + 1);
    return {
      gid: mintGid(this.mintedAt, 0, this.random),
      kind: 'saga',
      name: 'place-order',
      tags: {},
      services: ['stock'],
      owner: ALICE,
      plan: { steps: [] },
      progress: running(),
      ...given,
    };
  };

  /** Accepts a row of Alice's, and returns the update that leaves it as it is. */
  readonly accepted = async (): Promise<RowUpdate> => {
    const row = this.newRow();
    const [answer] = await this.log.accept([row]);
    const epoch = answer?.outcome === 'accepted' ? answer.epoch : Number.NaN;
    return { gid: row.gid, version: 1, epoch, owner: ALICE, progress: row.progress };
  };
}

export function running(given: Partial<RowProgress> = {}): RowProgress {
  return { state: 'running', isPaused: false, dueInMs: 1_000, document: { step: 0 }, ...given };
}

export function ended(
  { gid, version, epoch }: Pick<RowUpdate, 'gid' | 'version' | 'epoch'>,
  state: 'committed' | 'aborted',
): RowUpdate {
  return { gid, version, epoch, progress: { state, isPaused: false, document: { step: 2 } } };
}

export function keyed(key: string, bodyHash = 'hash'): Pick<NewRow, 'idempotency'> {
  return { idempotency: { key, bodyHash } };
}

export function gidsOf(rows: readonly { readonly gid: string }[]): string[] {
  return rows.map(({ gid }) => gid).toSorted();
}
