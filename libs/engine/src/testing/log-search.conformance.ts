import { expect, test } from '@jest/globals';
import type { RowFilter, StoredRow } from '../log.port.js';
import { ALICE, BOB, CAROL, DAY_MS, LEASE_MS, ended, gidsOf, keyed, running } from './log.desk.js';
import type { Desk } from './log.desk.js';

export function describeList(open: () => Desk): void {
  const cases: readonly (readonly [filter: Omit<RowFilter, 'limit'>, names: readonly string[]])[] = [
    [{}, ['calm', 'stuck', 'paused', 'undone', 'done']],
    [{ state: 'running' }, ['calm', 'paused']],
    [{ state: 'aborting' }, ['stuck']],
    [{ state: 'committed' }, ['done']],
    [{ outcome: 'undecided' }, ['calm', 'paused']],
    [{ outcome: 'committed' }, ['done']],
    [{ outcome: 'aborted' }, ['stuck', 'undone']],
    [{ isStuck: true }, ['stuck']],
    [{ isStuck: false }, ['calm', 'paused', 'undone', 'done']],
    [{ stuckReason: 'refused' }, ['stuck']],
    [{ stuckReason: 'mixed' }, []],
    [{ isPaused: true }, ['paused']],
    [{ isPaused: false, outcome: 'undecided' }, ['calm']],
    [{ name: 'done' }, ['done']],
    [{ service: 'bank' }, ['calm', 'undone']],
    [{ tag: { name: 'order', value: '"7", {x=y}' } }, ['stuck', 'done']],
    [{ tag: { name: 'order', value: '7' } }, []],
    [{ tag: { name: 'order', value: '"7", {x=y}' }, outcome: 'committed' }, ['done']],
    [{ idempotencyKey: 'the-key' }, ['paused']],
    [{ idempotencyKey: 'no-key' }, []],
  ];

  test.each(cases)('%j finds what it says', async (filter, names) => {
    const desk = open();
    await writeMixture(desk);

    const rows = await desk.log.list({ ...filter, limit: 10 });

    expect(rows.map(({ name }) => name)).toEqual(names.toReversed());
  });

  test('what is listed is what the log has', async () => {
    const { log, accepted } = open();
    const { gid } = await accepted();

    expect(await log.list({ limit: 10 })).toEqual([await log.get(gid)]);
  });
}

export function describePaging(open: () => Desk): void {
  test('pages follow each other, the newest first, and leave nothing out', async () => {
    const { log, newRow } = open();
    const rows = Array.from({ length: 7 }, () => newRow());
    await log.accept(rows);
    const pages: (readonly StoredRow[])[] = [await log.list({ limit: 3 })];

    pages.push(await log.list({ limit: 3, afterGid: pages[0]?.at(-1)?.gid }));
    pages.push(await log.list({ limit: 3, afterGid: pages[1]?.at(-1)?.gid }));

    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(pages.flat().map(({ gid }) => gid)).toEqual(rows.map(({ gid }) => gid).toReversed());
  });

  test('a time is searched from its beginning until before its end', async () => {
    const desk = open();
    const early = await desk.accepted();
    await desk.world.advance(10_000);
    await desk.readClock();
    const late = await desk.accepted();
    const middle = ((await desk.log.get(late.gid))?.acceptedAt ?? 0) - 5_000;

    const found = await Promise.all([
      desk.log.list({ acceptedFrom: middle, limit: 10 }),
      desk.log.list({ acceptedTo: middle, limit: 10 }),
      desk.log.list({ acceptedFrom: middle, acceptedTo: middle + 2_000, limit: 10 }),
    ]);

    expect(found.map(gidsOf)).toEqual([[late.gid], [early.gid], []]);
  });
}

export function describeCounts(open: () => Desk): void {
  test('live rows are counted, and those that ended in the last 24 hours', async () => {
    const desk = open();
    await writeMixture(desk);
    await desk.world.advance(DAY_MS + 120_000);
    const [first, second] = [await desk.accepted(), await desk.accepted()];
    await desk.log.update([ended(first, 'committed')]);
    await desk.log.update([ended(second, 'committed')]);

    const counts = await desk.log.counts();

    expect(counts).toEqual({
      byState: { active: 0, running: 2, committing: 0, aborting: 1, committed: 2, aborted: 0 },
      stuckByReason: { refused: 1 },
      pausedCount: 1,
      unknownFormatCount: 0,
      oldestStuckAt: expect.any(Number),
    });
  });

  test('an empty log counts nothing', async () => {
    const { log } = open();

    expect(await log.counts()).toEqual({
      byState: { active: 0, running: 0, committing: 0, aborting: 0, committed: 0, aborted: 0 },
      stuckByReason: {},
      pausedCount: 0,
      unknownFormatCount: 0,
      oldestStuckAt: undefined,
    });
  });
}

const FACTS = {
  version: '1.2.3',
  format: 1,
  url: 'http://10.0.0.7:7070',
  replyPartitions: [0, 3],
  isStandby: true,
} as const;

export function describeFacts(open: () => Desk): void {
  test('what an instance tells of itself is there until it tells something else', async () => {
    const { log } = open();
    await log.renewLease(BOB, LEASE_MS);
    const before = await log.instances();
    await log.renewLease(BOB, LEASE_MS, FACTS);
    await log.renewLease(BOB, LEASE_MS);
    const told = await log.instances();

    await log.renewLease(BOB, LEASE_MS, { version: '1.2.4', format: 2 });

    const facts = [before, told, await log.instances()].map(
      (rows) => rows.find(({ instanceId }) => instanceId === BOB)?.facts,
    );
    expect(facts).toEqual([undefined, FACTS, { version: '1.2.4', format: 2 }]);
  });

  test('an instance drives the live rows that it owns', async () => {
    const { log, accepted } = open();
    await accepted();
    const done = await accepted();
    await log.update([ended(done, 'committed')]);

    const driven = (await log.instances()).map(({ instanceId, drivenCount }) => [instanceId, drivenCount]);

    expect(driven).toContainEqual([ALICE, 1]);
  });

  test('who drives a transaction is told with what that one tells of itself, as long as both live', async () => {
    const { log, accepted, newRow } = open();
    await log.renewLease(ALICE, LEASE_MS, FACTS);
    const [driven, done] = [await accepted(), await accepted()];
    await log.update([ended(done, 'aborted')]);
    const orphan = newRow({ owner: CAROL });
    await log.accept([orphan]);
    const gids = [driven.gid, done.gid, orphan.gid, newRow().gid];

    const drives = await log.drives(gids);
    await log.endLease(ALICE);

    expect(drives).toEqual([{ gid: driven.gid, instanceId: ALICE, facts: FACTS }]);
    expect([await log.drives(gids), await log.drives([])]).toEqual([[], []]);
  });

  test('live rows that a newer version has written are counted', async () => {
    const { log, newRow, world } = open();
    await world.acceptUnknownFormat(newRow());

    expect(await log.counts()).toMatchObject({ unknownFormatCount: 1, byState: { running: 1 } });
  });
}

export function describeLeases(open: () => Desk): void {
  test('an instance lives as long as its lease, counted from the time that it is told', async () => {
    const { log, world } = open();
    const now = await log.renewLease(ALICE, LEASE_MS);
    await log.renewLease(BOB, LEASE_MS);
    await log.endLease(BOB);
    const before = await log.instances();

    await world.advance(LEASE_MS);

    const alice = before.find(({ instanceId }) => instanceId === ALICE);
    expect(alice).toMatchObject({ isLive: true });
    expect(Math.abs((alice?.leaseUntil ?? 0) - now - LEASE_MS)).toBeLessThan(1_000);
    expect(before.find(({ instanceId }) => instanceId === BOB)?.isLive).toBe(false);
    expect((await log.instances()).find(({ instanceId }) => instanceId === ALICE)?.isLive).toBe(false);
  });

  test('renewing a lease does not make the instance younger', async () => {
    const { log, world } = open();
    const started = (await log.instances()).find(({ instanceId }) => instanceId === ALICE)?.startedAt ?? 0;
    await world.advance(2_000);

    const now = await log.renewLease(ALICE, LEASE_MS);

    const renewed = (await log.instances()).find(({ instanceId }) => instanceId === ALICE);
    expect(now - (renewed?.startedAt ?? 0)).toBeGreaterThanOrEqual(2_000);
    expect(renewed?.startedAt).toBeLessThanOrEqual(started);
  });
}

/** One row of each sort, the oldest first: calm, stuck, paused, undone, done. */
async function writeMixture({ log, newRow, epoch }: Desk): Promise<void> {
  const tags = { order: '"7", {x=y}', shop: '7' };
  const calm = newRow({ name: 'calm', services: ['bank', 'stock'] });
  const stuck = newRow({ name: 'stuck', tags });
  const paused = newRow({ name: 'paused', ...keyed('the-key') });
  const undone = newRow({ name: 'undone', services: ['bank'] });
  const done = newRow({ name: 'done', tags });
  await log.accept([calm, stuck, paused, undone, done]);
  const refused = running({ state: 'aborting', stuckReason: 'refused', stuckAt: 1_700_000_000_000 });
  await log.update([
    { gid: stuck.gid, version: 1, epoch, owner: ALICE, progress: refused },
    { gid: paused.gid, version: 1, epoch, owner: ALICE, progress: running({ isPaused: true }) },
    ended({ ...undone, version: 1, epoch }, 'aborted'),
    ended({ ...done, version: 1, epoch }, 'committed'),
  ]);
}
