import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { refusalOf, Writer } from './testing/writer.fixture.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';
const OTHER = '01a20550-9211-7000-9ac7-a7b35bbd5662';

const HELD = { code: 'GX001', detail: { gid: GID, branchId: '1', since: expect.any(String) } };

/** How a local transaction of each begins. */
const BRANCH = `begin; select set_config('atone.gid', '${GID}', true), set_config('atone.branch', '1', true)`;
const OTHER_BRANCH = BRANCH.replace(GID, OTHER);
const OLDER_SNAPSHOT = 'begin isolation level repeatable read; select from account';

const CHANGE = 'update account set balance = 6 where id = 1';

describe('a writer beside a global transaction', () => {
  let fixture: AutomaticFixture;
  let holder: Writer;
  let writer: Writer;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
    await fixture.run(`
create table account (id int primary key, email text unique, balance int not null default 0);
select atone.attach('account')`);
  });

  beforeEach(async () => {
    await fixture.run(`
truncate atone.image, atone.undoing;
delete from account;
insert into account values (1, 'a@x'), (2, 'b@x'), (3, 'c@x')`);
    holder = await Writer.of(fixture);
    writer = await Writer.of(fixture);
  });

  afterEach(async () => {
    await holder.end();
    await writer.end();
  });

  afterAll(() => fixture.close());

  async function balances(): Promise<string> {
    const rows = await fixture.rows('select id, balance from account order by id');
    return rows.map(({ id, balance }) => `${String(id)}: ${String(balance)}`).join(', ');
  }

  async function release(): Promise<void> {
    await fixture.rows('select atone.release(array[$1::uuid], $2)', [GID, ['1']]);
  }

  test('waits for a row while its local transaction is open, and is refused when that has committed', async () => {
    await holder.run(`${BRANCH}; update account set balance = 5 where id = 1`);
    const { ended } = await writer.begin(CHANGE, 'lock');

    await holder.run('commit');

    expect(await refusalOf(ended)).toEqual(HELD);
  });

  test('waits for a row while its local transaction is open, and goes on when that was rolled back', async () => {
    await holder.run(`${BRANCH}; update account set balance = 5 where id = 1`);
    const { ended } = await writer.begin(CHANGE, 'lock');

    await holder.run('rollback');

    expect(await ended).toBe(1);
  });

  test('waits for a unique value while its local transaction is open, and is refused when that has committed', async () => {
    await holder.run(`${BRANCH}; delete from account where id = 1`);
    const { ended } = await writer.begin("insert into account values (9, 'a@x')", 'lock');

    await holder.run('commit');

    expect(await refusalOf(ended)).toEqual(HELD);
  });

  test.each([
    ['a row that was changed', 'update account set balance = 5 where id = 1', CHANGE],
    ['a key that was deleted', 'delete from account where id = 1', 'insert into account values (1)'],
    ['a key that was given up', 'update account set id = 9 where id = 1', 'insert into account values (1)'],
    [
      'a key that another row takes',
      'delete from account where id = 1',
      'update account set id = 1 where id = 2',
    ],
    [
      'a unique value of a deleted row',
      'delete from account where id = 1',
      "insert into account values (9, 'a@x')",
    ],
    [
      'a unique value that was given up',
      "update account set email = 'z' where id = 1",
      "update account set email = 'a@x' where id = 2",
    ],
  ])('never gets past %s by a snapshot that is older', async (_title, work, write) => {
    await writer.run(OLDER_SNAPSHOT);
    await fixture.inBranch(GID, '1', work);

    const { code } = await refusalOf(writer.run(write));

    expect(['40001', 'GX001']).toContain(code);
  });

  test('is refused a row that its snapshot shows to be held', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');
    await writer.run(OLDER_SNAPSHOT);

    const refusal = await refusalOf(writer.run(CHANGE));

    expect(refusal).toEqual(HELD);
  });

  test('of another isolation level leaves no image behind', async () => {
    await writer.run(`${OLDER_SNAPSHOT}; ${CHANGE}; insert into account values (9, 'z@x'); commit`);

    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });

  test('that has asked to wait goes on once the row is released', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');
    await writer.run("begin; select atone.wait('1h')");
    const { ended } = await writer.begin(CHANGE, 'held row');

    await release();

    expect(await ended).toBe(1);
    await writer.run('commit');
    expect(await balances()).toBe('1: 6, 2: 0, 3: 0');
  });

  test('that waits for a unique value goes on once it is released', async () => {
    await fixture.inBranch(GID, '1', 'delete from account where id = 1');
    await writer.run("begin; select atone.wait('1h')");
    const { ended } = await writer.begin("insert into account values (9, 'a@x')", 'held row');

    await release();

    expect(await ended).toBe(1);
  });

  test('that waits steps aside when the holder begins to be undone, so that the undo gets the row', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');
    await writer.run("begin; select atone.wait('1h')");
    const { ended } = await writer.begin(CHANGE, 'held row');

    await fixture.rows('insert into atone.undoing (gid) values ($1)', [GID]);

    expect(await refusalOf(ended)).toEqual(HELD);
    expect(await fixture.undo(GID)).toEqual({ outcome: 'undone' });
    expect(await balances()).toBe('1: 0, 2: 0, 3: 0');
  });

  test('that waits is refused when its time is over', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');

    const refusal = await refusalOf(writer.run(`begin; select atone.wait('1ms'); ${CHANGE}`));

    expect(refusal).toEqual(HELD);
  });

  test('of a global transaction of its own does not wait, though it asks to', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');

    const refusal = await refusalOf(writer.run(`${OTHER_BRANCH}; select atone.wait('1h'); ${CHANGE}`));

    expect(refusal).toEqual(HELD);
  });

  test('may go back to a savepoint, and try again with its earlier work kept', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');
    await writer.run(`${OTHER_BRANCH}; update account set balance = 7 where id = 2; savepoint before_it`);
    await refusalOf(writer.run(CHANGE));
    await writer.run('rollback to savepoint before_it');
    // Nothing keeps the holder from being undone meanwhile.
    await fixture.undo(GID);

    await writer.run(`${CHANGE}; commit`);

    expect(await balances()).toBe('1: 6, 2: 7, 3: 0');
    expect(await fixture.rows('select key, gid from atone.held order by key')).toEqual([
      { key: '1', gid: OTHER },
      { key: '2', gid: OTHER },
    ]);
  });

  test('that would cross rows with another global transaction is refused at once, and the other goes on', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');
    await fixture.inBranch(OTHER, '1', 'update account set balance = 7 where id = 2');

    const { code } = await refusalOf(fixture.inBranch(OTHER, '2', CHANGE));

    expect(code).toBe('GX001');
    expect(await fixture.undo(OTHER)).toEqual({ outcome: 'undone' });
    await fixture.inBranch(GID, '2', 'update account set balance = 8 where id = 2');
    expect(await balances()).toBe('1: 5, 2: 8, 3: 0');
  });

  test('leaves no hold behind that it has taken after a savepoint and given back', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'savepoint before_it; delete from account where id = 1; rollback to savepoint before_it; update account set balance = 1 where id = 2',
    );

    const touched = await writer.run(CHANGE);

    expect(touched).toBe(1);
  });
});
