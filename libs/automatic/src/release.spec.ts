import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { refusalOf } from './testing/writer.fixture.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';
const OTHER = '01a20550-9211-7000-9ac7-a7b35bbd5662';

/** What two branches of one global transaction do, one after the other, to the same rows. */
interface Overlap {
  readonly title: string;
  readonly lower: string;
  readonly upper: string;
  /** What a stranger tries while the upper branch has not ended. */
  readonly write: string;
}

/** All that is held, unique values too. */
const HOLDS = 'select branch_id, table_id, guard, key from atone.image where holds order by id';

const OVERLAPS: readonly Overlap[] = [
  {
    title: 'a row that both have changed',
    lower: 'update item set amount = 1 where id = 1',
    upper: 'update item set amount = 2 where id = 1',
    write: 'update item set amount = 3 where id = 1',
  },
  {
    title: 'a row that one has inserted and the other deleted',
    lower: 'insert into item (id) values (9)',
    upper: 'delete from item where id = 9',
    write: 'insert into item (id) values (9)',
  },
  {
    title: 'a row that one has moved to another key and the other changed there',
    lower: 'update item set id = 9 where id = 1',
    upper: 'update item set amount = 2 where id = 9',
    write: 'update item set amount = 3 where id = 9',
  },
  {
    title: 'a key that one has deleted and the other moved a row to',
    lower: 'delete from item where id = 1',
    upper: 'update item set id = 1 where id = 3',
    write: 'update item set amount = 3 where id = 1',
  },
  {
    title: 'a unique value that both have given up',
    lower: "delete from item where code = 'a'",
    upper: "insert into item (id, code) values (9, 'a'); update item set code = null where id = 9",
    write: "insert into item (id, code) values (8, 'a')",
  },
];

describe('branches of one global transaction', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
    await fixture.run(`
create table item (id int primary key, code text unique, amount int not null default 0);
create table part (id int primary key, item int references item on delete cascade);
select atone.attach('part'); select atone.attach('item')`);
  });

  beforeEach(() =>
    fixture.run(`
truncate atone.image;
delete from part; delete from item;
insert into item values (1, 'a', 0), (2, 'b', 0), (3, 'c', 0);
insert into part values (21, 2)`),
  );

  afterAll(() => fixture.close());

  async function release(
    ...branches: readonly (readonly [gid: string, branchId: string])[]
  ): Promise<unknown> {
    const [row] = await fixture.rows('select atone.release($1, $2) as released', [
      branches.map(([gid]) => gid),
      branches.map(([, branchId]) => branchId),
    ]);
    return row?.['released'];
  }

  describe.each(OVERLAPS)('with $title', ({ lower, upper, write }) => {
    test('are undone by the upper one first, and then the lower one', async () => {
      const before = await fixture.content();
      await fixture.inBranch(GID, '1', lower);
      const between = await fixture.content();
      await fixture.inBranch(GID, '2', upper);

      expect(await fixture.undo(GID, '2')).toEqual({ outcome: 'undone' });
      expect(await fixture.content()).toEqual(between);
      expect(await fixture.undo(GID, '1')).toEqual({ outcome: 'undone' });
      expect(await fixture.content()).toEqual(before);
    });

    test('have the lower one wait until the upper one is undone', async () => {
      await fixture.inBranch(GID, '1', lower);
      await fixture.inBranch(GID, '2', upper);
      const content = await fixture.content();

      const answer = await fixture.undo(GID, '1');

      expect(answer).toEqual({ outcome: 'covered', branchId: '2' });
      expect(await fixture.content()).toEqual(content);
    });

    test('keep the upper one protected once the lower one is released, and let it be undone', async () => {
      await fixture.inBranch(GID, '1', lower);
      const between = await fixture.content();
      await fixture.inBranch(GID, '2', upper);

      await release([GID, '1']);

      expect((await refusalOf(fixture.run(write))).code).toBe('GX001');
      expect(await fixture.undo(GID, '2')).toEqual({ outcome: 'undone' });
      expect(await fixture.content()).toEqual(between);
    });

    test('keep the lower one protected once the upper one is undone', async () => {
      await fixture.inBranch(GID, '1', lower);
      const holds = await fixture.rows(HOLDS);
      await fixture.inBranch(GID, '2', upper);

      await fixture.undo(GID, '2');

      expect(holds).not.toEqual([]);
      expect(await fixture.rows(HOLDS)).toEqual(holds);
    });
  });

  test('are covered where one takes a unique value that the other has given up', async () => {
    await fixture.inBranch(GID, '1', 'delete from item where id = 1');
    await fixture.inBranch(GID, '2', "insert into item values (9, 'a')");

    const answer = await fixture.undo(GID, '1');

    expect(answer).toEqual({ outcome: 'covered', branchId: '2' });
  });

  test('are covered where one adds a row that depends on one of the other', async () => {
    await fixture.inBranch(GID, '1', 'insert into item values (9)');
    await fixture.inBranch(
      GID,
      '2',
      'insert into part values (29, 9); update part set item = 9 where id = 21',
    );

    const answer = await fixture.undo(GID, '1');

    expect(answer).toEqual({ outcome: 'covered', branchId: '2' });
    expect(await fixture.rows('select id, item from part order by id')).toEqual([
      { id: 21, item: 9 },
      { id: 29, item: 9 },
    ]);
  });

  test('may write to other rows, and are undone in any order', async () => {
    const before = await fixture.content();
    await fixture.inBranch(GID, '1', 'update item set amount = 1 where id = 1');
    await fixture.inBranch(GID, '2', 'update item set amount = 2 where id = 2');

    await fixture.undo(GID, '1');
    await fixture.undo(GID, '2');

    expect(await fixture.content()).toEqual(before);
  });

  test('and of others are released in one call, which tells how many rows became free', async () => {
    await fixture.inBranch(GID, '1', 'update item set amount = 1 where id = 1');
    await fixture.inBranch(GID, '2', 'update item set amount = 2 where id = 1');
    await fixture.inBranch(
      OTHER,
      '1',
      'update item set amount = 1 where id = 2; delete from item where id = 3',
    );
    await fixture.inBranch(OTHER, '7', "insert into item values (9, 'z', 0)");

    const released = await release([GID, '1'], [GID, '2'], [OTHER, '1']);

    // Row 1 and 2, and of row 3 its unique value as well.
    expect(released).toBe('4');
    expect(await fixture.rows('select key, branch_id from atone.held')).toEqual([
      { key: '9', branch_id: '7' },
    ]);
  });

  test('that are released change nothing in the rows', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'update item set amount = 1 where id = 1; delete from item where id = 3',
    );
    const content = await fixture.content();

    await release([GID, '1']);

    expect(await fixture.content()).toEqual(content);
    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });

  test('that are not there are released and undone without a change', async () => {
    const content = await fixture.content();

    expect(await release([GID, '1'])).toBe('0');
    expect(await fixture.undo(GID, '1')).toEqual({ outcome: 'undone' });
    expect(await fixture.content()).toEqual(content);
  });
});
