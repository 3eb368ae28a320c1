import { expect, test } from '@jest/globals';
import { ALICE, BOB, ended, gidsOf, running, type Desk } from './log.desk.js';

/** Describes how a log inserts what it does not hold: the way in which led transactions are decided. */
export function describeInsertIfAbsent(open: () => Desk): void {
  test('S1 of several who insert a gid at once, exactly one does', async () => {
    const { log, newRow } = open();
    const row = newRow({ kind: 'led' });
    const rivals = [ALICE, BOB].map((owner) => ({
      ...row,
      owner,
      progress: running({ state: 'committing', document: { owner } }),
    }));

    const answers = await Promise.all(rivals.map(async (rival) => log.insertIfAbsent([rival])));

    const outcomes = answers.flat().map(({ outcome }) => outcome);
    expect(outcomes.toSorted()).toEqual(['exists', 'inserted']);
    const winner = rivals[outcomes.indexOf('inserted')];
    expect(await log.get(row.gid)).toMatchObject({
      kind: 'led',
      version: 1,
      state: 'committing',
      owner: winner?.owner,
      progress: { owner: winner?.owner },
    });
  });

  test('what is there stays as it is, and the rows beside it are inserted', async () => {
    const { log, accepted, newRow } = open();
    const { gid } = await accepted();
    const fresh = newRow();
    const before = await log.get(gid);

    const answers = await log.insertIfAbsent([fresh, newRow({ gid }), newRow()]);

    expect(answers.map(({ outcome }) => outcome)).toEqual(['inserted', 'exists', 'inserted']);
    expect(await log.get(gid)).toEqual(before);
    expect((await log.get(fresh.gid))?.version).toBe(1);
  });

  test('a row in an end state is finished at once, and nobody owns it', async () => {
    const { log, newRow, world } = open();
    const row = newRow({ kind: 'led', progress: { state: 'aborted', isPaused: false, document: {} } });

    const [answer] = await log.insertIfAbsent([row]);
    await world.advance(60_000);

    const found = await log.get(row.gid);
    expect(answer?.outcome).toBe('inserted');
    expect(found).toMatchObject({ state: 'aborted', version: 1, finishedAt: found?.acceptedAt });
    expect(found?.owner).toBeUndefined();
    expect(await log.ended([row.gid])).toEqual([row.gid]);
    expect(await log.claimDue(BOB, 10)).toEqual([]);
    expect((await log.counts()).byState.aborted).toBe(1);
  });

  test('a batch that names a gid twice, or a live row without a due time, is refused as a whole', async () => {
    const { log, newRow } = open();
    const [row, other] = [newRow(), newRow()];

    const undue = newRow({ progress: running({ dueInMs: undefined }) });
    const asked = [
      [other, row, row],
      [other, undue],
    ].map(async (rows) => log.insertIfAbsent(rows));

    const outcomes = await Promise.allSettled(asked);

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await log.get(other.gid)).toBeUndefined();
  });

  test('a row is inserted only in the life of the log that it is for, and is found in any', async () => {
    const { log, newRow } = open();
    const epoch = await log.epoch();
    const [now, then] = [newRow({ epoch }), newRow({ epoch: epoch + 1 })];

    const answers = await log.insertIfAbsent([then, now]);
    const again = await log.insertIfAbsent([{ ...now, epoch: epoch + 1 }]);

    expect([...answers, ...again].map(({ outcome }) => outcome)).toEqual([
      'other-life',
      'inserted',
      'exists',
    ]);
    expect(await log.get(then.gid)).toBeUndefined();
  });

  test('a row is decided only in the life of the log that the update names', async () => {
    const { log, newRow } = open();
    const epoch = await log.epoch();
    const row = newRow({ kind: 'led', progress: running({ state: 'active' }) });
    await log.insertIfAbsent([row]);
    const decision = { gid: row.gid, version: 1, owner: ALICE, progress: running({ state: 'committing' }) };

    expect(await log.update([{ ...decision, epoch: epoch + 1 }])).toEqual([false]);
    expect(await log.get(row.gid)).toMatchObject({ state: 'active', version: 1 });
    expect(await log.update([{ ...decision, epoch }])).toEqual([true]);
    expect(await log.get(row.gid)).toMatchObject({ state: 'committing', version: 2 });
  });

  test('a row is found by the services that an update names, and keeps them through the next one', async () => {
    const { log, newRow } = open();
    const row = newRow({ kind: 'led', services: ['hotel'] });
    await log.insertIfAbsent([row]);
    const services = ['hotel', 'car "7"\\'];
    const update = { gid: row.gid, version: 1, epoch: open().epoch, owner: ALICE, progress: row.progress };

    await log.update([{ ...update, services }]);
    await log.update([{ ...update, version: 2 }]);

    expect(gidsOf(await log.list({ service: 'car "7"\\', limit: 10 }))).toEqual([row.gid]);
    expect(await log.get(row.gid)).toMatchObject({ version: 3, services });
  });

  test('a row is found by the title that an update names, and keeps it through the next one', async () => {
    const { log, newRow } = open();
    const row = newRow({ kind: 'led', name: 'told-by-hotel', lane: 'slow', tags: {} });
    await log.insertIfAbsent([row]);
    const update = { gid: row.gid, version: 1, epoch: open().epoch, owner: ALICE, progress: row.progress };
    const tags = { order: '"7", {x=y}' };

    await log.update([{ ...update, title: { name: 'book-trip', lane: 'fast', tags } }]);
    await log.update([{ ...update, version: 2 }]);

    expect(gidsOf(await log.list({ name: 'book-trip', limit: 10 }))).toEqual([row.gid]);
    expect(gidsOf(await log.list({ tag: { name: 'order', value: tags.order }, limit: 10 }))).toEqual([
      row.gid,
    ]);
    expect(await log.get(row.gid)).toMatchObject({ version: 3, name: 'book-trip', lane: 'fast', tags });
  });

  test('a row that was inserted is taken over and ended like any other', async () => {
    const { log, newRow, epoch } = open();
    const row = newRow({ kind: 'led', progress: running({ state: 'committing' }) });
    await log.insertIfAbsent([row]);
    await log.endLease(ALICE);

    const [taken] = await log.claimDue(BOB, 10);

    expect(taken).toMatchObject({ gid: row.gid, kind: 'led', owner: BOB, version: 2 });
    expect(await log.update([ended({ gid: row.gid, version: 2, epoch }, 'committed')])).toEqual([true]);
  });
}

export function describeReadMany(open: () => Desk): void {
  test('rows are read by their gids, and what is not there is left out', async () => {
    const { log, accepted, newRow } = open();
    const [first, second] = [await accepted(), await accepted()];

    const rows = await log.rows([second.gid, newRow().gid, first.gid]);

    expect(gidsOf(rows).toSorted()).toEqual([first.gid, second.gid].toSorted());
    expect(rows).toContainEqual(await log.get(first.gid));
  });

  test('the life of a log stays the same as long as nothing happens to it', async () => {
    const { log } = open();

    const epoch = await log.epoch();

    expect(epoch).toBeGreaterThan(0);
    expect(await log.epoch()).toBe(epoch);
  });
}
