import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { refusalOf } from './testing/writer.fixture.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';

const TABLES = `
create table account (
  id int primary key, email text unique, nick text, slot int, is_open boolean not null default true,
  first int, second int, balance int not null default 0, unique (first, second)
);
create unique index on account (lower(nick));
create unique index on account (slot) where is_open;
create table booking (id int primary key, account int references account on delete cascade on update cascade);
create table reading (id int, region text, amount int, primary key (id, region)) partition by list (region);
create table reading_north partition of reading for values in ('north');
create table reading_south partition of reading for values in ('south');
select atone.attach('booking'); select atone.attach('account'); select atone.attach('reading')`;

const ROWS = `
truncate atone.image;
delete from booking; delete from account; delete from reading;
insert into account (id, email, nick, slot, first, second)
values (1, 'a@x', 'Ann', 1, null, 1), (2, 'b@x', 'Bob', 2, 2, 2), (3, 'c@x', 'Cay', 3, 3, 3);
insert into booking values (21, 2), (22, 2);
insert into reading values (1, 'north', 1), (2, 'south', 2)`;

/** What a branch has done, and what another writer then tries. */
interface Case {
  readonly title: string;
  readonly work: string;
  readonly write: string;
}

const REFUSED: readonly Case[] = [
  {
    title: 'a change of a row that was changed',
    work: 'update account set balance = 5 where id = 1',
    write: 'update account set balance = 6 where id = 1',
  },
  {
    title: 'a deletion of a row that was changed',
    work: 'update account set balance = 5 where id = 1',
    write: 'delete from account where id = 1',
  },
  {
    title: 'a change of a row that was inserted',
    work: 'insert into account (id) values (9)',
    write: 'update account set balance = 6 where id = 9',
  },
  {
    title: 'an insertion under the key of a row that was deleted',
    work: 'delete from account where id = 1',
    write: 'insert into account (id) values (1)',
  },
  {
    title: 'an insertion under the key that a row has given up',
    work: 'update account set id = 10 where id = 1',
    write: 'insert into account (id) values (1)',
  },
  {
    title: 'a change of a row under its new key',
    work: 'update account set id = 10 where id = 1',
    write: 'update account set balance = 6 where id = 10',
  },
  {
    title: 'an insertion under a key that a row has had only for a while',
    work: 'update account set id = 10 where id = 1; update account set id = 11 where id = 10',
    write: 'insert into account (id) values (10)',
  },
  {
    title: 'a change of another row to the key of one that was deleted',
    work: 'delete from account where id = 1',
    write: 'update account set id = 1 where id = 3',
  },
  {
    title: 'a unique value of a row that was deleted',
    work: 'delete from account where id = 1',
    write: "insert into account (id, email) values (9, 'a@x')",
  },
  {
    title: 'a unique value that a row has given up',
    work: "update account set email = 'z@x' where id = 1",
    write: "update account set email = 'a@x' where id = 3",
  },
  {
    title: 'a unique value of an expression',
    work: "update account set nick = 'Zoe' where id = 1",
    write: "update account set nick = 'ANN' where id = 3",
  },
  {
    title: 'a unique value of a row that an index no longer has',
    work: 'update account set is_open = false where id = 1',
    write: 'insert into account (id, slot) values (9, 1)',
  },
  {
    title: 'a unique value of several columns',
    work: 'update account set second = 9 where id = 2',
    write: 'insert into account (id, first, second) values (9, 2, 2)',
  },
  {
    title: 'ON CONFLICT DO UPDATE of a row that was changed',
    work: 'update account set balance = 5 where id = 1',
    write: 'insert into account (id) values (1) on conflict (id) do update set balance = 7',
  },
  {
    title: 'ON CONFLICT DO UPDATE in the place of a row that was deleted',
    work: 'delete from account where id = 1',
    write: 'insert into account (id) values (1) on conflict (id) do update set balance = 7',
  },
  {
    title: 'ON CONFLICT DO NOTHING in the place of a row that was deleted',
    work: 'delete from account where id = 1',
    write: 'insert into account (id) values (1) on conflict do nothing',
  },
  {
    title: 'a deletion that cascades to a row that was changed',
    work: 'update booking set account = 3 where id = 21; update booking set account = 2 where id = 21',
    write: 'delete from account where id = 2',
  },
  {
    title: 'a change of a key that cascades to a row that was inserted',
    work: 'insert into booking values (23, 3)',
    write: 'update account set id = 30 where id = 3',
  },
  {
    title: 'a change, in a partition, of a row that was changed through its parent',
    work: 'update reading set amount = 5 where id = 1',
    write: 'update reading_north set amount = 6 where id = 1',
  },
  {
    title: 'a change, through the parent, of a row that was changed in its partition',
    work: 'update reading_north set amount = 5 where id = 1',
    write: 'delete from reading where id = 1',
  },
  {
    title: 'an insertion where a row has gone to another partition',
    work: "update reading set region = 'south' where id = 1",
    write: "insert into reading values (1, 'north', 7)",
  },
  {
    title: 'a change of a row that has come from another partition',
    work: "update reading set region = 'south' where id = 1",
    write: 'update reading_south set amount = 7 where id = 1',
  },
];

const TAKEN: readonly Case[] = [
  {
    title: 'a row that nobody has changed',
    work: 'update account set balance = 5 where id = 1',
    write: 'update account set balance = 6 where id = 3',
  },
  {
    title: 'unique values that are null, and so differ',
    work: 'delete from account where id = 1',
    write: 'insert into account (id, first, second) values (9, null, 1)',
  },
  {
    title: 'a value that an index does not keep apart',
    work: 'update account set is_open = false where id = 1',
    write: 'insert into account (id, slot, is_open) values (9, 1, false)',
  },
  {
    title: 'the key of a row in another partition',
    work: 'delete from reading where id = 1',
    write: "insert into reading values (1, 'south', 7)",
  },
];

describe('while a global transaction holds rows', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
    await fixture.run(TABLES);
  });

  beforeEach(() => fixture.run(ROWS));

  afterAll(() => fixture.close());

  test.each(REFUSED)('a writer is refused $title', async ({ work, write }) => {
    await fixture.inBranch(GID, '1', work);

    const refusal = await refusalOf(fixture.run(write));

    expect(refusal).toEqual({
      code: 'GX001',
      detail: { gid: GID, branchId: '1', since: expect.any(String) },
    });
  });

  test.each(REFUSED)('another global transaction is refused $title', async ({ work, write }) => {
    await fixture.inBranch(GID, '1', work);

    const { code, detail } = await refusalOf(
      fixture.inBranch('01a20550-9211-7000-9ac7-a7b35bbd5662', '1', write),
    );

    expect({ code, gid: detail['gid'] }).toEqual({ code: 'GX001', gid: GID });
  });

  test.each(REFUSED)('a writer is not refused, once it is released, $title', async ({ work, write }) => {
    await fixture.inBranch(GID, '1', work);

    await fixture.rows('select atone.release(array[$1::uuid], $2)', [GID, ['1']]);

    await expect(fixture.run(write)).resolves.toBeUndefined();
  });

  test.each(TAKEN)('a writer may take $title', async ({ work, write }) => {
    await fixture.inBranch(GID, '1', work);

    await expect(fixture.run(write)).resolves.toBeUndefined();
  });

  test('MERGE is refused a row that was changed, where PostgreSQL has it: from 15 on', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 5 where id = 1');
    const [version] = await fixture.rows(
      "select current_setting('server_version_num')::int >= 150000 as yes",
    );

    const { code } = await refusalOf(
      fixture.run(
        'merge into account as a using (values (1)) as v (id) on a.id = v.id when matched then update set balance = 6',
      ),
    );

    expect(code).toBe(version?.['yes'] === true ? 'GX001' : '42601');
  });

  test('a unique null is held where nulls do not differ: from PostgreSQL 15 on', async () => {
    const [version] = await fixture.rows(
      "select current_setting('server_version_num')::int >= 150000 as yes",
    );
    const distinct = version?.['yes'] === true ? 'nulls not distinct' : '';
    await fixture.run(
      `create table seat (id int primary key, guest int, unique ${distinct} (guest)); select atone.attach('seat'); insert into seat values (1)`,
    );
    await fixture.inBranch(GID, '1', 'update seat set guest = 1');

    const writing = fixture.run('insert into seat values (2)').catch(({ code }: { code: string }) => code);

    await expect(writing).resolves.toBe(version?.['yes'] === true ? 'GX001' : undefined);
  });
});
