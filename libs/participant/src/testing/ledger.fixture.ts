import { gidTimeMs } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { z } from 'zod';
import { action, contract, tryAction, type ActionHandler, RefusedError } from '../contract.js';
import type { LocalDatabase } from '../database.port.js';
import { systemClock } from '../node/system-clock.js';

const Amount = z.object({ amount: z.number() });
const Balance = z.object({ balance: z.number() });

/** A service that books amounts: every effect is a row of its own, so that a second one shows. */
const ledger = contract('ledger', {
  book: action({ input: Amount, output: Balance }),
  hold: tryAction({ input: Amount, output: Balance }),
});

export const CREATE_LEDGER = `
create table if not exists entry (
  id bigint generated always as identity,
  gid uuid not null,
  branch_id text not null,
  amount integer not null
)`;

/** The handlers of a test, what they do, and how often they ran. */
export interface Ledger<Transaction> extends LedgerSwitches {
  readonly handler: ActionHandler<Transaction>;
  /** The same as a try, whose confirm books 0. */
  readonly tryHandler: ActionHandler<Transaction>;
  runCount: number;
  confirmCount: number;
  undoCount: number;
}

/** What the handlers of a test do. */
export interface LedgerSwitches {
  /** Refuses bookings while it is set. */
  refusal: string | undefined;
  undoRefusal: string | undefined;
  confirmRefusal: string | undefined;
  /** Runs inside the action, after its write. */
  afterWrite: () => Promise<void> | void;
  /** The same inside the compensation. */
  afterUndo: () => Promise<void> | void;
  /** The same inside the confirm. */
  afterConfirm: () => Promise<void> | void;
}

type BranchKey = Pick<BranchCommand, 'gid' | 'branchId'>;

/** Where the handlers of a test leave their effects. */
export interface Books<Transaction> {
  book(transaction: Transaction, entry: BranchKey & { readonly amount: number }): Promise<void>;
  /** Returns the sum of all entries, as the transaction sees it. */
  balance(transaction: Transaction): Promise<number>;
  /** Returns the amounts that are booked for a branch, in order. */
  entriesOf(branch: BranchKey): Promise<readonly number[]>;
}

const BOOK = 'insert into entry (gid, branch_id, amount) values ($1::uuid, $2, $3)';
const SUM = 'select coalesce(sum(amount), 0)::int as balance from entry';

/** Returns the books in table `entry`. */
export function sqlBooks<Transaction>(database: LocalDatabase<Transaction>): Books<Transaction> {
  return {
    async book(transaction, { gid, branchId, amount }) {
      await database.session(transaction).execute(BOOK, [gid, branchId, amount]);
    },
    async balance(transaction) {
      const { rows } = await database.session(transaction).execute(SUM);
      return rows[0]?.['balance'] as number;
    },
    entriesOf: (branch) => entriesOf(database, branch),
  };
}

/** Returns a ledger whose handlers write through their branch's own transaction. */
export function createLedger<Transaction>(
  database: LocalDatabase<Transaction>,
  books: Books<Transaction> = sqlBooks(database),
): Ledger<Transaction> {
  const switches = {
    refusal: undefined,
    undoRefusal: undefined,
    confirmRefusal: undefined,
    runCount: 0,
    confirmCount: 0,
    undoCount: 0,
    afterWrite: () => undefined,
    afterUndo: () => undefined,
    afterConfirm: () => undefined,
  };
  const handler: ActionHandler<Transaction> = {
    contract: ledger.book,
    async run(input, { gid, branchId, transaction }) {
      state.runCount += 1;
      await books.book(transaction, { gid, branchId, amount: (input as { amount: number }).amount });
      await state.afterWrite();
      if (state.refusal !== undefined) {
        throw new RefusedError(state.refusal, { limit: 10 });
      }
      return { balance: await books.balance(transaction) };
    },
    async compensate({ gid, branchId, input, transaction }) {
      state.undoCount += 1;
      const { amount } = input as { amount: number };
      await books.book(transaction, { gid, branchId, amount: -amount });
      await state.afterUndo();
      if (state.undoRefusal !== undefined) {
        throw new RefusedError(state.undoRefusal);
      }
    },
  };
  const state: Ledger<Transaction> = {
    ...switches,
    handler,
    tryHandler: {
      ...handler,
      contract: ledger.hold,
      async confirm({ gid, branchId, transaction }) {
        state.confirmCount += 1;
        await books.book(transaction, { gid, branchId, amount: 0 });
        await state.afterConfirm();
        if (state.confirmRefusal !== undefined) {
          throw new RefusedError(state.confirmRefusal);
        }
      },
    },
  };
  return state;
}

/** Returns the amounts that are booked for a branch, in order. */
export async function entriesOf(
  database: LocalDatabase<unknown>,
  { gid, branchId }: BranchKey,
): Promise<number[]> {
  return database.transaction(async ({ sql }) => {
    const { rows } = await sql.execute(
      'select amount from entry where gid = $1::uuid and branch_id = $2 order by id',
      [gid, branchId],
    );
    return rows.map((row) => Number(row['amount']));
  });
}

let counter = 0;

/** Returns the command of a branch that no other test uses. */
export function command(change: Partial<BranchCommand> = {}): BranchCommand {
  counter += 1;
  return {
    gid: `01900000-0000-7000-8000-${counter.toString(16).padStart(12, '0')}`,
    branchId: '1',
    op: 'action',
    round: 1,
    attempt: 1,
    service: 'ledger',
    action: 'book',
    issuedAt: 0,
    ...(change.op === undefined || change.op === 'action' ? { input: { amount: 5 } } : {}),
    ...change,
  };
}

/** Returns the command `op` for the branch of `earlier`. */
export function next(
  earlier: BranchCommand,
  op: BranchCommand['op'],
  change: Partial<BranchCommand> = {},
): BranchCommand {
  return command({ op, gid: earlier.gid, branchId: earlier.branchId, ...change });
}

/** When all transactions of the tests began, by their ids. */
export const LED_CLOCK = {
  now: () => gidTimeMs('01900000-0000-7000-8000-000000000000') + 1_000,
  instant: (ms: number) => systemClock.instant(ms),
};

/** The nonce of each row that is written with the octets of `LED_RANDOM`. */
export const NONCE = 'AAAAAAAAAAAAAAAA';
export const LED_RANDOM = { bytes: (count: number) => new Uint8Array(count) };
export const LED = { secretHash: 'ab'.repeat(32), epoch: 1, initiator: 'shop' };

/** Returns the call of a try by a led transaction that no other test uses. */
export function ledCommand(change: Partial<BranchCommand> = {}): BranchCommand {
  return command({ action: 'hold', led: LED, remainingMs: 60_000, ...change });
}

/** Returns the command `op` that ends the branch of `earlier`. */
export function ledNext(
  earlier: BranchCommand,
  op: BranchCommand['op'],
  change: Partial<BranchCommand> = {},
): BranchCommand {
  return next(earlier, op, { action: earlier.action, led: LED, nonce: NONCE, ...change });
}
