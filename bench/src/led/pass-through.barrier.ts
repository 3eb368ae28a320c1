import { randomBytes } from 'node:crypto';
import type { Enlistment } from '@atone/core';
import type { ActionCall, Barrier, LocalDatabase, StoredAction } from '@atone/participant';

const STORED: StoredAction = { input: { amount: 1 }, output: null };

/** Two barriers hash what they are given; to do it here would only measure the hash. */
const INPUT_HASH = '0'.repeat(64);

/** Returns a barrier that keeps nothing, and answers as one does that keeps its rows: what is left is the cost of the others. */
export function createPassThrough(): Barrier<undefined> {
  return {
    act: async (call, work) => ({
      outcome: 'done',
      output: (await work(undefined)).output,
      enlistment: enlistmentOf(call),
    }),
    // Whether there is anything to run, which is so for tries only, a barrier knows from its row.
    confirm: () => Promise.resolve({ outcome: 'confirmed' }),
    undo: async (_call, work) => {
      await work(undefined, STORED);
      return { outcome: 'undone', wasEmpty: false };
    },
    closeAction: () => Promise.resolve({ outcome: 'closed' }),
    closeConfirm: () => Promise.resolve({ outcome: 'closed' }),
    closeUndo: () => Promise.resolve({ outcome: 'closed' }),
  };
}

/** A step of a saga enlists nothing. */
function enlistmentOf({ led }: ActionCall): Enlistment | undefined {
  return led && { kind: led.kind, nonce: randomBytes(12).toString('base64url'), inputHash: INPUT_HASH };
}

/** What a barrier that keeps nothing has no use for. */
export const NO_DATABASE: LocalDatabase<undefined> = {
  transaction: () => Promise.reject(new Error('This participant has no database.')),
  session() {
    throw new Error('This participant has no database.');
  },
};
