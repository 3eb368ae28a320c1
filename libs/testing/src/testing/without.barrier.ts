import type { Json } from '@atone/core';
import type { Barrier, LocalDatabase } from '@atone/participant';

/**
 * A barrier that bars nothing: it runs whatever comes, as a service does that has forgotten idempotency. `input` is what it
 * undoes when no action has come yet.
 */
export function withoutBarrier<Transaction>(
  database: LocalDatabase<Transaction>,
  input: Json,
): Barrier<Transaction> {
  let lastInput: Json | undefined = input;
  return {
    act: (call, handler) =>
      database.transaction(async ({ transaction }) => {
        lastInput = call.input;
        return { outcome: 'done', output: (await handler(transaction)).output };
      }),
    confirm: (_call, handler) =>
      database.transaction(async ({ transaction }) => {
        await handler(transaction, { input: lastInput, output: null });
        return { outcome: 'confirmed' };
      }),
    undo: (_call, handler) =>
      database.transaction(async ({ transaction }) => {
        await handler(transaction, { input: lastInput, output: null });
        return { outcome: 'undone', wasEmpty: false };
      }),
    closeAction: () => Promise.resolve({ outcome: 'closed' }),
    closeConfirm: () => Promise.resolve({ outcome: 'closed' }),
    closeUndo: () => Promise.resolve({ outcome: 'closed' }),
  };
}
