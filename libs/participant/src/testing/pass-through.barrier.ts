import type { Barrier } from '../barrier.port.js';
import type { LocalDatabase } from '../database.port.js';

/** A barrier that bars nothing: every command runs. Shows that a check would notice. */
export function createPassThrough<Transaction>(database: LocalDatabase<Transaction>): Barrier<Transaction> {
  return {
    act: (_call, handler) =>
      database.transaction(async ({ transaction }) => ({
        outcome: 'done',
        output: (await handler(transaction)).output,
      })),
    confirm: (_call, handler) =>
      database.transaction(async ({ transaction }) => {
        await handler(transaction, { input: { amount: 5 }, output: null });
        return { outcome: 'confirmed' };
      }),
    undo: (_call, handler) =>
      database.transaction(async ({ transaction }) => {
        await handler(transaction, { input: { amount: 5 }, output: null });
        return { outcome: 'undone', wasEmpty: false };
      }),
    closeAction: () => Promise.resolve({ outcome: 'closed' }),
    closeConfirm: () => Promise.resolve({ outcome: 'closed' }),
    closeUndo: () => Promise.resolve({ outcome: 'closed' }),
  };
}
