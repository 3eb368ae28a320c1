import type { Json } from '@atone/core';
import { describeBarrierConformance } from './barrier.conformance.js';
import type { Books } from './ledger.fixture.js';
import { MemoryDatabase, type MemoryTransaction } from './memory.database.js';

describeBarrierConformance(
  'a database in memory',
  async () => {
    let now = 0;
    const server = new MemoryDatabase(undefined, { now: () => (now += 1) });
    return { database: server.connect(), books: booksOf(server), close: async () => undefined };
  },
  { runCount: 300, takesSql: false },
);

interface Entry {
  readonly gid: string;
  readonly branchId: string;
  readonly amount: number;
}

function booksOf(server: MemoryDatabase): Books<MemoryTransaction> {
  const entries = (): readonly Entry[] => server.entries as readonly (Json & Entry)[];
  return {
    book: async (transaction, { gid, branchId, amount }) => {
      transaction.record({ gid, branchId, amount });
    },
    balance: async () => entries().reduce((sum, { amount }) => sum + amount, 0),
    entriesOf: async ({ gid, branchId }) =>
      entries()
        .filter((entry) => entry.gid === gid && entry.branchId === branchId)
        .map(({ amount }) => amount),
  };
}
