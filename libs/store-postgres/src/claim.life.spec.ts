import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { acceptRows } from './accept.statement.js';
import { claimDueRows, claimOwnRows, claimRow } from './claim.statement.js';
import type { StatementRunner } from './hot.pool.js';
import { keep, newRow, OWNER } from './testing/row.factory.js';
import { openStoreWorld, type StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

/** Has the log begin another life right behind each statement, as a failover does. */
const failingOver: StatementRunner = {
  async run<Row>({ text }: { readonly text: string }, params: readonly unknown[]): Promise<Row[]> {
    const { rows } = await world.side.query({ text, values: [...params] });
    await world.side.query(`update atone.log_life set identity = 'of another server'`);
    await world.store.log.epoch();
    return rows as Row[];
  },
};

test('whoever is given a row is told the life in which it was, though the next one begins before the answer is there', async () => {
  const { log } = world.store;
  const first = await log.epoch();
  const [own, left] = [newRow(), newRow({ owner: randomUUID() })];

  const [accepted] = await acceptRows(failingOver, [own, left]);
  const claimed = await claimRow(failingOver, OWNER, own.gid);
  const due = await claimDueRows(failingOver, OWNER, 10);
  const anew = await claimOwnRows(failingOver, OWNER, [own.gid]);

  expect(accepted).toMatchObject({ outcome: 'accepted', epoch: first });
  expect([claimed, ...due, ...anew].map((row) => [row?.gid, row?.epoch])).toEqual([
    [own.gid, first + 1],
    [left.gid, first + 2],
    [own.gid, first + 3],
  ]);
  // And so none of them writes in the life that has begun since.
  const epoch = first + 3;
  expect(await log.update([keep({ ...own, epoch }, 3), keep({ ...left, epoch }, 2)])).toEqual([false, false]);
});
