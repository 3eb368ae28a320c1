import { expect, test } from '@jest/globals';
import { ALICE, BOB, CAROL, DAY_MS, LEASE_MS, ended, gidsOf, running } from './log.desk.js';
import type { Desk } from './log.desk.js';

const DAVE = '00000000-0000-4000-8000-00000000000d';
/** Enough that some of them come between the reading and the writing of the other. */
const CLAIMS_AT_ONCE = 100;

export function describeClaimDue(open: () => Desk): void {
  test('rows of an instance that has stopped are taken over, with their version raised', async () => {
    const { log, accepted } = open();
    const row = await accepted();
    await log.endLease(ALICE);

    const taken = await log.claimDue(BOB, 10);

    expect(taken).toMatchObject([{ gid: row.gid, owner: BOB, version: 2, progress: { step: 0 } }]);
    expect(taken[0]).toEqual({ ...(await log.get(row.gid)), epoch: open().epoch, formerOwner: ALICE });
    expect(await log.update([row])).toEqual([false]);
  });

  test('rows of an instance that does not prove to live any more are taken over', async () => {
    const { log, accepted, world } = open();
    const row = await accepted();
    await world.advance(LEASE_MS - 2_000);
    const early = await log.claimDue(BOB, 10);

    await world.advance(2_000);

    expect([early, gidsOf(await log.claimDue(BOB, 10))]).toEqual([[], [row.gid]]);
  });

  test('rows of an instance that nobody has heard of are taken over', async () => {
    const { log, newRow } = open();
    const row = newRow({ owner: CAROL });
    await log.accept([row]);

    expect(gidsOf(await log.claimDue(BOB, 10))).toEqual([row.gid]);
  });

  test('rows of the living are left to them, however long they are due', async () => {
    const { log, accepted, world } = open();
    await accepted();
    await world.advance(DAY_MS);
    await log.renewLease(ALICE, LEASE_MS);

    expect([await log.claimDue(BOB, 10), await log.claimDue(ALICE, 10)]).toEqual([[], []]);
  });
}

export function describeNotDue(open: () => Desk): void {
  test('nobody takes over its own rows, even if its lease has ended', async () => {
    const { log, accepted } = open();
    await accepted();
    await log.endLease(ALICE);

    expect(await log.claimDue(ALICE, 10)).toEqual([]);
  });

  test('a row that was given up is taken when it is due, and not before', async () => {
    const { log, accepted, world } = open();
    const row = await accepted();
    await log.update([{ ...row, owner: undefined, progress: running({ dueInMs: 30_000 }) }]);
    await log.renewLease(ALICE, 10 * LEASE_MS);
    await world.advance(25_000);
    const early = await log.claimDue(BOB, 10);

    await world.advance(5_000);

    expect([early, gidsOf(await log.claimDue(BOB, 10))]).toEqual([[], [row.gid]]);
  });

  test('what has ended is never taken over', async () => {
    const { log, accepted, world } = open();
    await log.update([ended(await accepted(), 'committed'), ended(await accepted(), 'aborted')]);
    await log.endLease(ALICE);
    await world.advance(DAY_MS);

    expect(await log.claimDue(BOB, 10)).toEqual([]);
  });

  test('rows of an unknown format are left alone, visibly', async () => {
    const { log, newRow, world } = open();
    const row = newRow({ owner: CAROL });
    await world.acceptUnknownFormat(row);

    expect([await log.claimDue(BOB, 10), await log.claim(BOB, row.gid)]).toEqual([[], undefined]);

    const [listed] = await log.list({ limit: 10 });
    expect(listed).toMatchObject({ gid: row.gid, version: 1, owner: CAROL });
    expect(listed?.format).toBeGreaterThan(1);
  });
}

export function describeRivals(open: () => Desk): void {
  test('two that take over at the same time never share a row, and never take more than they asked for', async () => {
    const { log, newRow } = open();
    const rows = Array.from({ length: 40 }, () => newRow({ owner: CAROL }));
    await log.accept(rows);
    await log.renewLease(BOB, LEASE_MS);

    const takes = await Promise.all(
      Array.from({ length: 8 }, async (_, turn) => log.claimDue(turn % 2 === 0 ? ALICE : BOB, 5)),
    );

    expect(takes.every((taken) => taken.length <= 5)).toBe(true);
    const gids = takes.flat().map(({ gid }) => gid);
    expect(new Set(gids).size).toBe(gids.length);
    expect(takes.flat().every(({ version }) => version === 2)).toBe(true);
  });

  test('what is left behind is taken whole in the end, of the dead and of those without an owner', async () => {
    const { log, newRow, accepted } = open();
    const orphans = Array.from({ length: 6 }, () => newRow({ owner: CAROL }));
    await log.accept(orphans);
    const free = [await accepted(), await accepted(), await accepted()];
    await log.update(free.map((row) => ({ ...row, owner: undefined, progress: running({ dueInMs: 0 }) })));

    const takes = [await log.claimDue(BOB, 4), await log.claimDue(BOB, 4), await log.claimDue(BOB, 4)];

    expect(takes.map((taken) => taken.length)).toEqual([4, 4, 1]);
    expect(gidsOf(takes.flat())).toEqual(gidsOf([...orphans, ...free]));
  });
}

export function describeClaim(open: () => Desk): void {
  test('an act takes a live row over, whoever drives it', async () => {
    const { log, accepted } = open();
    const row = await accepted();

    const taken = await log.claim(BOB, row.gid);

    expect(taken).toMatchObject({ gid: row.gid, owner: BOB, version: 2 });
    expect(await log.update([row])).toEqual([false]);
  });

  test('whoever takes a row over is told in which life of the log, and may write it in that one alone', async () => {
    const { log, accepted, newRow, world } = open();
    const [acted, left] = [await accepted(), newRow({ owner: CAROL })];
    await log.accept([left]);
    await world.beginLife();

    const taken = [await log.claim(BOB, acted.gid), ...(await log.claimDue(BOB, 10))];

    const epoch = await log.epoch();
    expect(taken.map((row) => [row?.gid, row?.epoch])).toEqual([
      [acted.gid, epoch],
      [left.gid, epoch],
    ]);
    await world.beginLife();
    expect(await log.update([{ ...acted, owner: BOB, version: 2, epoch }])).toEqual([false]);
  });

  test('an act finds no row that has ended, and none that is not there', async () => {
    const { log, accepted, newRow } = open();
    const row = await accepted();
    await log.update([ended(row, 'aborted')]);

    expect([await log.claim(BOB, row.gid), await log.claim(BOB, newRow().gid)]).toEqual([
      undefined,
      undefined,
    ]);
    expect((await log.get(row.gid))?.version).toBe(2);
  });

  test('a claim beside an act takes what it may take, whoever is first at the row', async () => {
    const { log, newRow, epoch } = open();
    for (let round = 1; round <= CLAIMS_AT_ONCE; round += 1) {
      const rows = [CAROL, DAVE, CAROL, DAVE, CAROL].map((owner) => newRow({ owner }));
      // oxlint-disable-next-line no-await-in-loop -- round by round.
      await log.accept(rows);

      // oxlint-disable-next-line no-await-in-loop -- as above.
      const [acted, due] = await Promise.all([log.claim(CAROL, rows[4]?.gid ?? ''), log.claimDue(BOB, 3)]);

      expect([acted !== undefined, due.length]).toEqual([true, 3]);
      for (const version of [1, 2, 3]) {
        // oxlint-disable-next-line no-await-in-loop -- one of these is the version that the row has now.
        await log.update(rows.map(({ gid }) => ended({ gid, version, epoch }, 'aborted')));
      }
    }
  });

  test('an instance takes its own live rows anew, many at once, and no others', async () => {
    const { log, accepted, newRow, world } = open();
    const [one, two, past, other] = [
      await accepted(),
      await accepted(),
      await accepted(),
      newRow({ owner: BOB }),
    ];
    await log.accept([other]);
    await log.update([ended(past, 'committed')]);
    await world.beginLife();
    const asked = [two, past, other, newRow(), one].map(({ gid }) => gid);

    const taken = await log.claimOwn(ALICE, asked);

    const epoch = await log.epoch();
    expect(gidsOf(taken)).toEqual(gidsOf([one, two]));
    expect(taken.map(({ owner, version, epoch: life }) => [owner, version, life])).toEqual([
      [ALICE, 2, epoch],
      [ALICE, 2, epoch],
    ]);
    expect([await log.claimOwn(ALICE, []), await log.update([one])]).toEqual([[], [false]]);
  });

  test('an instance finds the live rows that it owns', async () => {
    const { log, accepted, newRow } = open();
    const [own, past, lost] = [await accepted(), await accepted(), await accepted()];
    await log.accept([newRow({ owner: BOB })]);
    await log.update([ended(past, 'committed')]);
    await log.claim(BOB, lost.gid);

    expect(await log.owned(ALICE)).toEqual([own.gid]);
  });
}
