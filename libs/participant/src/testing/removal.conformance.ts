import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { findOld } from '../barrier.mark.js';
import { HOUR_MS, RemovalDesk, type RemovalDatabase } from './removal.desk.js';
import { describeRemovalRaces } from './removal-races.conformance.js';

export type { RemovalDatabase } from './removal.desk.js';

const unknown = (errorClass: string, message: string) => ({
  outcome: 'unknown',
  error: { class: errorClass, message: expect.stringContaining(message) },
});
const TOO_LATE = unknown('error', 'came too late');

/** Describes how rows of the barrier are removed, and that it harms nobody; run over each kind of database. */
export function describeBarrierRemoval<Transaction>(
  name: string,
  makeDatabase: () => Promise<RemovalDatabase<Transaction>>,
): void {
  describe(`barrier rows over ${name}`, () => {
    let world: RemovalDatabase<Transaction>;
    let desk: RemovalDesk<Transaction>;

    beforeAll(async () => {
      world = await makeDatabase();
    });

    afterAll(() => world.close());

    beforeEach(async () => {
      await world.empty();
      desk = new RemovalDesk(world);
    });

    describe('are removed', () => {
      describeRemoval(() => desk);
    });
    describe('that were removed', () => {
      describeLateCommands(() => desk);
    });
    describe('while they are removed', () => {
      describeRemovalRaces(() => desk);
    });
  });
}

function describeRemoval<Transaction>(open: () => RemovalDesk<Transaction>): void {
  test('when their transaction has ended long enough ago, all of its branches at once', async () => {
    const desk = open();
    const [gid, other] = [desk.gid(), desk.gid()];
    const participant = desk.participant();
    await participant.execute(desk.command(gid));
    await participant.execute(desk.command(gid, { branchId: '2', op: 'compensate' }));
    await participant.execute(desk.command(other));
    desk.endings.ended(HOUR_MS, gid, other);

    const report = await desk.janitor().pass();

    expect(report).toMatchObject({ removedRowCount: 3, removedCount: 2 });
    expect([await desk.world.rowCount(gid), await desk.world.rowCount(other)]).toEqual([0, 0]);
    expect(await desk.world.effectCount(gid)).toBe(1);
  });

  test('and stay while it is live, has ended just now, or is unknown to the log', async () => {
    const desk = open();
    const [live, fresh, unknownGid] = [desk.gid(), desk.gid(), desk.gid()];
    for (const gid of [live, fresh, unknownGid]) {
      // oxlint-disable-next-line no-await-in-loop -- in the order of the gids
      await desk.participant().execute(desk.command(gid));
    }
    desk.endings.live(live);
    desk.endings.ended(HOUR_MS - 1, fresh);

    const report = await desk.janitor().pass();

    expect(report).toEqual({ removedRowCount: 0, removedCount: 0, keptCount: 2, unknownCount: 1 });
    expect(await Promise.all([live, fresh, unknownGid].map((gid) => desk.world.rowCount(gid)))).toEqual([
      1, 1, 1,
    ]);
  });

  test('and not even asked about while they are young', async () => {
    const desk = open();
    const gid = desk.gid(HOUR_MS / 2);
    await desk.participant().execute(desk.command(gid));
    desk.endings.ended(HOUR_MS, gid);

    await desk.janitor().pass();

    expect(desk.endings.asked).toEqual([]);
    expect(await desk.janitor({ keepFor: '10m' }).pass()).toMatchObject({ removedCount: 1 });
  });

  test('but not while they are in doubt, though their transaction has ended', async () => {
    const desk = open();
    const gid = desk.gid();
    const led = { secretHash: 'ab'.repeat(32), epoch: 1, initiator: 'shop' };
    const call = desk.command(gid, { led, remainingMs: 60_000 });
    const reply = await desk.participant().execute(call);
    const nonce = reply.outcome === 'done' ? reply.enlistment?.nonce : undefined;
    desk.endings.ended(2 * HOUR_MS, gid);

    const inDoubt = await desk.janitor().pass();

    expect([inDoubt.removedRowCount, await desk.world.rowCount(gid)]).toEqual([0, 1]);
    await desk.participant().execute(desk.command(gid, { op: 'confirm', led, nonce }));
    expect(await desk.janitor().pass()).toMatchObject({ removedRowCount: 1 });
  });

  test('by the janitor of their own service', async () => {
    const desk = open();
    const gid = desk.gid();
    await desk.participant({ service: 'stock' }).execute(desk.command(gid, { service: 'stock' }));
    desk.endings.ended(HOUR_MS, gid);

    const others = await desk.janitor().pass();

    expect([others.removedCount, await desk.world.rowCount(gid)]).toEqual([0, 1]);
    expect(await desk.janitor({ service: 'stock' }).pass()).toMatchObject({ removedCount: 1 });
  });

  test('behind however many rows of others that share their table', async () => {
    const desk = open();
    const others = Array.from({ length: 25 }, () => desk.gid());
    const gid = desk.gid();
    for (const other of others) {
      // oxlint-disable-next-line no-await-in-loop -- one connection is enough
      await desk.participant({ service: 'stock' }).execute(desk.command(other, { service: 'stock' }));
    }
    await desk.participant().execute(desk.command(gid));
    desk.endings.ended(HOUR_MS, gid, ...others);

    const report = await desk.janitor({ batch: 2 }).pass();

    expect(report).toMatchObject({ removedRowCount: 1 });
    expect(desk.endings.asked).toEqual([[gid]]);
  });

  test('also where a look ends among the rows of their transaction', async () => {
    const desk = open();
    const [gid, young] = [desk.gid(), desk.gid(0)];
    await desk.participant({ service: 'stock' }).execute(desk.command(gid, { service: 'stock' }));
    await desk.participant().execute(desk.command(gid, { branchId: '2' }));
    await desk.participant().execute(desk.command(young));
    const look = (after: string) =>
      desk.world.database.transaction(({ sql }) =>
        findOld(sql, { service: 'ledger', after, olderThanMs: HOUR_MS, rowCount: 1 }),
      );

    const looks = [await look('00000000-0000-0000-0000-000000000000'), await look(gid)];

    expect(looks).toEqual([
      { own: [gid], last: gid },
      { own: [], last: undefined },
    ]);
  });

  test('batch by batch, past those that stay, until there is none', async () => {
    const desk = open();
    const gids = Array.from({ length: 5 }, () => desk.gid());
    for (const gid of gids) {
      // oxlint-disable-next-line no-await-in-loop -- in the order of the gids
      await desk.participant().execute(desk.command(gid));
    }
    desk.endings.ended(HOUR_MS, ...gids);
    desk.endings.live(...gids.slice(0, 2));

    const report = await desk.janitor({ batch: 2 }).pass();

    expect(desk.endings.asked).toEqual([gids.slice(0, 2), gids.slice(2, 4), gids.slice(4)]);
    expect(report).toMatchObject({ removedCount: 3, keptCount: 2 });
  });

  test('by two janitors at once, each row by one of them', async () => {
    const desk = open();
    const gids = Array.from({ length: 20 }, () => desk.gid());
    await Promise.all(gids.map((gid) => desk.participant().execute(desk.command(gid))));
    desk.endings.ended(HOUR_MS, ...gids);

    const reports = await Promise.all([
      desk.janitor({ batch: 7 }).pass(),
      desk.janitor({ batch: 5 }).pass(),
      desk.janitor().pass(),
    ]);

    expect(reports.reduce((sum, { removedRowCount }) => sum + removedRowCount, 0)).toBe(20);
  });

  test('never on the word of a coordinator that does not answer', async () => {
    const desk = open();
    const gid = desk.gid();
    await desk.participant().execute(desk.command(gid));
    desk.endings.isAway = true;

    await expect(desk.janitor().pass()).rejects.toThrow('ECONNREFUSED');

    desk.endings.isAway = false;
    desk.endings.ended(HOUR_MS, gid);
    expect(await desk.world.rowCount(gid)).toBe(1);
    expect(await desk.janitor().pass()).toMatchObject({ removedCount: 1 });
  });
}

function describeLateCommands<Transaction>(open: () => RemovalDesk<Transaction>): void {
  test('S4 S5 bar their action still: it comes too late, runs nothing and stores nothing', async () => {
    const desk = open();
    const gid = await desk.removed();

    const replies = [
      await desk.participant().execute(desk.command(gid)),
      await desk.participant().execute(desk.command(gid, { round: 2 })),
    ];

    expect(replies).toEqual([TOO_LATE, TOO_LATE]);
    expect([desk.runCount, await desk.world.effectCount(gid)]).toEqual([0, 1]);
    expect(await desk.world.rowCount(gid)).toBe(0);
  });

  test('S5 bar an action whose undo came first, too', async () => {
    const desk = open();
    const gid = desk.gid();
    await desk.participant().execute(desk.command(gid, { op: 'compensate' }));
    desk.endings.ended(HOUR_MS, gid);
    await desk.janitor().pass();

    expect(await desk.participant().execute(desk.command(gid))).toEqual(TOO_LATE);
    expect(await desk.world.effectCount(gid)).toBe(0);
  });

  test('S4 bar a later round whose refusal is stored by a late duplicate', async () => {
    const desk = open();
    const gid = await desk.removed();
    await desk.participant().execute(desk.command(gid, { op: 'close-action' }));

    const reply = await desk.participant().execute(desk.command(gid, { round: 2 }));

    expect(reply).toEqual(TOO_LATE);
    expect([desk.runCount, await desk.world.effectCount(gid)]).toEqual([0, 1]);
    await desk.janitor().pass();
    expect(await desk.world.rowCount(gid)).toBe(0);
  });

  test.each(['compensate', 'close-action', 'close-compensate'] as const)(
    'let a late %s leave a row that goes like all others',
    async (op) => {
      const desk = open();
      const gid = await desk.removed();

      await desk.participant().execute(desk.command(gid, { op }));

      expect([desk.runCount, await desk.world.effectCount(gid)]).toEqual([0, 1]);
      expect(await desk.world.rowCount(gid)).toBe(1);
      expect(await desk.janitor().pass()).toMatchObject({ removedRowCount: 1 });
    },
  );

  test('do not bar the first action of a live transaction of their age: it runs when the coordinator was asked', async () => {
    const desk = open();
    const slow = desk.gid();
    await desk.removed();
    desk.endings.live(slow);

    const reply = await desk.participant().execute(desk.command(slow));

    expect(reply).toMatchObject({ outcome: 'done' });
    expect(desk.endings.asked).toEqual([[slow]]);
    expect(await desk.world.effectCount(slow)).toBe(1);
    desk.endings.asked.length = 0;
    expect(await desk.participant().execute(desk.command(slow))).toEqual(reply);
    expect(desk.endings.asked).toEqual([]);
  });

  test('have it wait while the coordinator cannot be asked, and run when it can', async () => {
    const desk = open();
    const slow = desk.gid();
    await desk.removed();
    desk.endings.live(slow);
    desk.endings.isAway = true;

    const first = await desk.participant().execute(desk.command(slow));
    desk.endings.isAway = false;
    const second = await desk.participant().execute(desk.command(slow, { attempt: 2 }));

    expect(first).toEqual(unknown('unreachable', 'could not be asked: connect ECONNREFUSED'));
    expect(second).toMatchObject({ outcome: 'done' });
    expect([desk.runCount, await desk.world.effectCount(slow)]).toEqual([1, 1]);
  });

  test('have it wait where nobody can be asked at all, and the answer says what to do', async () => {
    const desk = open();
    const slow = desk.gid();
    await desk.removed();

    const reply = await desk.participant({ endings: undefined }).execute(desk.command(slow));

    expect(reply).toEqual(unknown('error', '`endings` of createParticipant'));
    expect([desk.runCount, await desk.world.rowCount(slow)]).toEqual([0, 0]);
  });

  test('bar an action of their age that the log does not hold', async () => {
    const desk = open();
    const stranger = desk.gid();
    await desk.removed();

    const reply = await desk.participant().execute(desk.command(stranger));

    expect(reply).toEqual(unknown('error', 'does not hold the transaction'));
    expect(await desk.world.effectCount(stranger)).toBe(0);
  });

  test('concern nobody who is younger', async () => {
    const desk = open();
    await desk.removed();
    const young = desk.gid(0);

    const reply = await desk.participant().execute(desk.command(young));

    expect(reply).toMatchObject({ outcome: 'done' });
    expect(desk.endings.asked).toEqual([]);
  });

  test('still bar their actions when older ones are removed after them', async () => {
    const desk = open();
    const older = desk.gid();
    const newer = await desk.removed();
    desk.endings.live(older);
    await desk.participant().execute(desk.command(older));
    desk.endings.ended(HOUR_MS, older);
    await desk.janitor().pass();

    const replies = [
      await desk.participant().execute(desk.command(newer)),
      await desk.participant().execute(desk.command(older)),
    ];

    expect(replies).toEqual([TOO_LATE, TOO_LATE]);
  });

  test('may be refused for once more, which stores nothing that matters', async () => {
    const desk = open();
    const slow = desk.gid();
    await desk.removed();
    desk.endings.live(slow);
    desk.refusal = 'no funds';
    const first = await desk.participant().execute(desk.command(slow));
    desk.refusal = undefined;

    const later = await desk.participant().execute(desk.command(slow, { round: 2 }));

    expect([first.outcome, later.outcome]).toEqual(['refused', 'done']);
    expect(desk.endings.asked).toEqual([[slow], [slow]]);
  });
}
