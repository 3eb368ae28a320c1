import { expect, test } from '@jest/globals';
import { removeRows } from '../barrier.mark.js';
import { lockRow } from '../barrier.row.js';
import { HOUR_MS, type RemovalDesk } from './removal.desk.js';

const TOO_LATE = {
  outcome: 'unknown',
  error: { class: 'error', message: expect.stringContaining('came too late') },
};

/** What must hold of commands that come while rows are being removed. */
export function describeRemovalRaces<Transaction>(open: () => RemovalDesk<Transaction>): void {
  test('S4 an action that waited for the removal of its own row has no second effect', async () => {
    const desk = open();
    const gid = desk.gid();
    await desk.participant().execute(desk.command(gid));
    desk.endings.ended(HOUR_MS, gid);
    let late: Promise<unknown> | undefined;

    await desk.world.database.transaction(async ({ sql }) => {
      await removeRows(sql, 'ledger', [gid]);
      late = desk.participant().execute(desk.command(gid));
      await desk.world.somebodyWaits();
    });

    expect(await late).toEqual(TOO_LATE);
    // It ran, since it could not know better before, and was rolled back.
    expect([desk.runCount, await desk.world.effectCount(gid)]).toEqual([2, 1]);
    expect(await desk.world.rowCount(gid)).toBe(0);
    expect(desk.endings.asked).toEqual([[gid]]);
  });

  test('an action that waited for a removal which failed gets its stored answer', async () => {
    const desk = open();
    const gid = desk.gid();
    const first = await desk.participant().execute(desk.command(gid));
    let late: Promise<unknown> | undefined;

    await desk.world.database
      .transaction(async ({ sql }) => {
        await removeRows(sql, 'ledger', [gid]);
        late = desk.participant().execute(desk.command(gid));
        await desk.world.somebodyWaits();
        throw new Error('the connection broke');
      })
      .catch(() => undefined);

    expect(await late).toEqual(first);
    expect(desk.endings.asked).toEqual([]);
  });

  test('a row that somebody holds is left to the next pass', async () => {
    const desk = open();
    const [held, free] = [desk.gid(), desk.gid()];
    await desk.participant().execute(desk.command(held));
    await desk.participant().execute(desk.command(free));
    desk.endings.ended(HOUR_MS, held, free);

    const report = await desk.world.database.transaction(async ({ sql }) => {
      await lockRow(sql, desk.command(held));
      return desk.janitor().pass();
    });

    expect(report).toMatchObject({ removedRowCount: 1 });
    expect([await desk.world.rowCount(held), await desk.world.rowCount(free)]).toEqual([1, 0]);
    expect(await desk.janitor().pass()).toMatchObject({ removedRowCount: 1 });
  });
}
