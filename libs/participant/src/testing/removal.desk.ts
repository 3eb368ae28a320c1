import { mintGid } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { z } from 'zod';
import { createPortJanitor, type BarrierJanitor, type CleanUpOptions } from '../barrier.janitor.js';
import { action, contract, RefusedError } from '../contract.js';
import type { LocalDatabase } from '../database.port.js';
import { systemClock } from '../node/system-clock.js';
import { createParticipant, type Participant } from '../participant.js';
import { FakeEndings } from './endings.fake.js';

/** A database with a barrier, and what the suite needs beside. */
export interface RemovalDatabase<Transaction> {
  readonly database: LocalDatabase<Transaction>;
  /** By the clock of the database, in ms since 1970. */
  now(): number;
  /** Leaves an effect that commits with the transaction. */
  write(transaction: Transaction, gid: string): Promise<void>;
  effectCount(gid: string): Promise<number>;
  rowCount(gid: string): Promise<number>;
  /** Resolves when somebody waits for a lock. */
  somebodyWaits(): Promise<void>;
  /** Removes all rows, effects and the mark. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export const HOUR_MS = 3_600_000;

const { book } = contract('ledger', { book: action({ input: z.null(), output: z.number() }) });

const FIXED = { next: () => 0.5 };

/** A service with a janitor, and a coordinator that says what the test tells it. */
export class RemovalDesk<Transaction> {
  readonly endings = new FakeEndings();
  runCount = 0;
  refusal: string | undefined;
  private mintedCount = 0;

  constructor(readonly world: RemovalDatabase<Transaction>) {}

  /** A gid that was minted `ageMs` ago; each is greater than the one before of the same age. */
  gid(ageMs = 2 * HOUR_MS): string {
    this.mintedCount += 1;
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(12, this.mintedCount);
    return mintGid(Math.floor(this.world.now() - ageMs), 0, { next: () => 0, bytes: () => bytes });
  }

  command(gid: string, change: Partial<BranchCommand> = {}): BranchCommand {
    const { op = 'action' } = change;
    return {
      gid,
      branchId: '1',
      op,
      round: 1,
      attempt: 1,
      service: 'ledger',
      action: 'book',
      issuedAt: 0,
      ...(op === 'action' ? { input: null } : {}),
      ...change,
    };
  }

  participant(
    own: { readonly endings?: FakeEndings | undefined; readonly service?: string } = {},
  ): Participant {
    const { service = 'ledger' } = own;
    return createParticipant<Transaction>({
      service,
      database: this.world.database,
      endings: 'endings' in own ? own.endings : this.endings,
      clock: { now: () => this.world.now(), instant: (ms) => systemClock.instant(ms) },
      handlers: [
        {
          contract: { ...book, service },
          run: async (_input, { gid, transaction }) => {
            this.runCount += 1;
            await this.world.write(transaction, gid);
            if (this.refusal !== undefined) {
              throw new RefusedError(this.refusal);
            }
            return this.runCount;
          },
          compensate: async () => undefined,
        },
      ],
    });
  }

  janitor(own: CleanUpOptions & { readonly service?: string } = {}): BarrierJanitor {
    const clock = { setTimer: () => ({ cancel: () => undefined }) };
    const { database } = this.world;
    const { endings } = this;
    return createPortJanitor(
      { service: 'ledger', keepFor: '1h', ...own, database, endings },
      { clock, random: FIXED },
    );
  }

  /** Has a transaction book and end, and its rows removed. */
  async removed(gid = this.gid()): Promise<string> {
    await this.participant().execute(this.command(gid));
    this.endings.ended(2 * HOUR_MS, gid);
    await this.janitor().pass();
    this.endings.asked.length = 0;
    this.runCount = 0;
    return gid;
  }
}
