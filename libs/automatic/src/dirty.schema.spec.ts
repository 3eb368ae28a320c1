import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { refusalOf } from './testing/writer.fixture.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';

const WORK = `
update item set amount = amount + 1, note = 'six' where id = 1;
update item set price = price * 2 where id = 1;
delete from item where id = 2;
insert into item values (3, 30, 'y', 2.50)`;

/** What becomes of the table while a branch waits for its end, and what its undo then tells. */
interface Obstacle {
  readonly title: string;
  readonly meanwhile: string;
  readonly key: string;
  readonly reason: string;
}

const OBSTACLES: readonly Obstacle[] = [
  {
    title: 'a rule',
    meanwhile: "alter table item add constraint is_dear check (note <> 'b') not valid",
    key: '2',
    reason: 'is_dear',
  },
  {
    title: 'a column that needs a value and has no default',
    meanwhile:
      'alter table item add weight int not null default 1; alter table item alter weight drop default',
    key: '2',
    reason: 'weight',
  },
  {
    title: 'a type that a value has no place in',
    meanwhile: `drop view atone_read.item; alter table item alter note type int using length(note)`,
    key: '2',
    reason: 'invalid input syntax for type integer',
  },
  {
    title: 'a trigger that refuses it',
    meanwhile: `
create function refuse() returns trigger language plpgsql as 'begin raise exception ''No item comes back.''; end';
create trigger refuse before insert on item for each row execute function refuse()`,
    key: '2',
    reason: 'No item comes back.',
  },
  {
    title: 'the loss of its key',
    meanwhile: 'alter table item drop column id cascade',
    key: '2',
    reason: 'A column of its key is gone.',
  },
];

describe('an undo in a table that was altered meanwhile', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  beforeEach(async () => {
    await fixture.run(
      'drop schema public cascade; create schema public; truncate atone.image, atone.attached',
    );
    await fixture.run(`
create table item (id int primary key, amount int, note text, price numeric(10, 2));
insert into item values (1, 10, 'a', 1.50), (2, 20, 'b', 2.50);
create table other (id int primary key);
select atone.attach('item'); select atone.attach('other')`);
    await fixture.inBranch(GID, '1', `insert into other values (1); ${WORK}; insert into other values (2)`);
  });

  afterAll(() => fixture.close());

  async function items(): Promise<readonly unknown[]> {
    const rows = await fixture.rows('select item::text as line from item order by id');
    return rows.map(({ line }) => line);
  }

  test.each([
    [
      'a column has come',
      'alter table item add weight int default 7',
      ['(1,10,a,1.50,7)', '(2,20,b,2.50,7)'],
    ],
    ['a column has gone', 'alter table item drop column amount cascade', ['(1,a,1.50)', '(2,b,2.50)']],
    [
      'a column holds larger numbers',
      'drop view atone_read.item; alter table item alter amount type bigint',
      ['(1,10,a,1.50)', '(2,20,b,2.50)'],
    ],
    [
      'a column holds its numbers as text',
      'drop view atone_read.item; alter table item alter amount type text',
      ['(1,10,a,1.50)', '(2,20,b,2.50)'],
    ],
    [
      'a column holds fewer digits',
      'drop view atone_read.item; alter table item alter price type numeric(10, 1)',
      ['(1,10,a,1.5)', '(2,20,b,2.5)'],
    ],
    [
      'the key holds larger numbers, and the table was attached again',
      "drop view atone_read.item; alter table item alter id type bigint; select atone.attach('item')",
      ['(1,10,a,1.50)', '(2,20,b,2.50)'],
    ],
  ])('restores the rows where %s', async (_title, meanwhile, restored) => {
    await fixture.run(meanwhile);

    const answer = await fixture.undo(GID);

    expect(answer).toEqual({ outcome: 'undone' });
    expect(await items()).toEqual(restored);
  });

  test.each(OBSTACLES)(
    'leaves rows to a person that are kept out by $title',
    async ({ meanwhile, key, reason }) => {
      await fixture.run(meanwhile);
      const content = await fixture.content();

      const { code, detail } = await refusalOf(fixture.undo(GID));

      expect(code).toBe('GX006');
      expect(detail['rows']).toContainEqual(
        expect.objectContaining({ table: 'public.item', key, reason: expect.stringContaining(reason) }),
      );
      expect(await fixture.content()).toEqual(content);
    },
  );

  test.each([
    ...OBSTACLES,
    {
      title: 'a trigger that changes it',
      meanwhile: `
create function change() returns trigger language plpgsql as 'begin new.note := ''changed''; return new; end';
create trigger change before insert on item for each row execute function change()`,
    },
  ])('lets a person do without what is kept out by $title', async ({ meanwhile }) => {
    await fixture.run(meanwhile);
    const { code, detail } = await refusalOf(fixture.undo(GID));

    const [row] = await fixture.rows("select atone.undo_branch($1, '1', 'keep', $2) as answer", [
      GID,
      detail['seen'],
    ]);

    expect(code).toBe('GX006');
    expect(row?.['answer']).toEqual({ outcome: 'undone' });
    expect(await fixture.rows('select from other')).toEqual([]);
    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });

  test('names the rows of each table that is gone', async () => {
    await fixture.run('drop table item cascade; drop table other cascade');

    const { code, detail } = await refusalOf(fixture.undo(GID));

    const rows = detail['rows'] as readonly Record<string, unknown>[];
    expect(code).toBe('GX006');
    expect(rows.map(({ table, reason }) => `${String(table)}: ${String(reason)}`)).toEqual([
      'public.other: The table is gone.',
      'public.item: The table is gone.',
      'public.item: The table is gone.',
      'public.item: The table is gone.',
      'public.other: The table is gone.',
    ]);
  });
});
