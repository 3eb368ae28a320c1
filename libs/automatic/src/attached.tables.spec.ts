import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { attach, checkTables, detach } from './attached.tables.js';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { prepare, SCENARIO_GID, tracesOf } from './testing/restore.scenario.js';

describe('detach', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  afterAll(() => fixture.close());

  test('leaves nothing of a table, of its partitions neither', async () => {
    await prepare(fixture, {
      tables: `
create table o (id int primary key) partition by list (id);
create table o_1 partition of o for values in (1);
create table plain (id int primary key)`,
      attached: ['o', 'plain'],
    });

    await detach(fixture.database, 'o');
    await detach(fixture.database, 'plain');

    await fixture.inBranch(SCENARIO_GID, '1', 'insert into o values (1); truncate o, plain');
    expect(await tracesOf(fixture)).toEqual([]);
    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });

  test('waits for the end of those who hold rows', async () => {
    await prepare(fixture, { tables: 'create table o (id int primary key)', attached: ['o'] });
    await fixture.inBranch(SCENARIO_GID, '1', 'insert into o values (1)');

    await expect(detach(fixture.database, 'o')).rejects.toMatchObject({
      code: 'GX011',
      message: 'public.o cannot be detached: global transactions hold rows of it.',
    });

    await fixture.undo(SCENARIO_GID);
    await detach(fixture.database, 'o');
  });

  test('wants a table first that follows none that is attached', async () => {
    await prepare(fixture, {
      tables:
        'create table o (id int primary key); create table c (id int primary key, o int references o on delete cascade)',
      attached: ['c', 'o'],
    });

    await expect(detach(fixture.database, 'c')).rejects.toMatchObject({
      code: 'GX011',
      message:
        'public.c cannot be detached: it follows the changes of public.o (c_o_fkey), which is attached.',
      hint: "Detach that first: select atone.detach('public.o')",
    });

    await detach(fixture.database, 'o');
    await detach(fixture.database, 'c');
  });

  test('takes tables at once that follow each other, as attach does, which restores what is in them', async () => {
    await prepare(fixture, {
      tables: `
create table customer (id int primary key, last_order int);
create table orders (id int primary key, customer int references customer on delete cascade);
alter table customer add foreign key (last_order) references orders on delete set null;
insert into customer values (1, null), (2, null);
insert into orders values (1, 1), (2, 1), (3, 2);
update customer set last_order = id`,
      attached: [],
    });
    const before = await fixture.content();
    await expect(attach(fixture.database, 'orders')).rejects.toMatchObject({ code: 'GX010' });

    const warnings = await attach(fixture.database, ['orders', 'customer']);

    await fixture.inBranch(
      SCENARIO_GID,
      '1',
      'delete from orders where id = 1; delete from customer where id = 2; update orders set customer = null',
    );
    await fixture.undo(SCENARIO_GID);
    expect(warnings).toEqual([]);
    expect(await fixture.content()).toEqual(before);
    expect(await checkTables(fixture.database)).toEqual([]);
    await expect(detach(fixture.database, 'orders')).rejects.toMatchObject({ code: 'GX011' });
    await detach(fixture.database, ['orders', 'customer']);
    expect(await tracesOf(fixture)).toEqual([]);
  });

  test('of several tables one of which cannot be attached, attaches none', async () => {
    await prepare(fixture, {
      tables: 'create table o (id int primary key); create table p (id int)',
      attached: [],
    });

    const attaching = attach(fixture.database, ['o', 'p']);

    await expect(attaching).rejects.toMatchObject({
      code: 'GX010',
      message: 'public.p cannot be attached: it has no key by which a row could be found again.',
    });
    expect(await tracesOf(fixture)).toEqual([]);
  });

  test('refuses a table that is not attached', async () => {
    await prepare(fixture, { tables: 'create table o (id int primary key)', attached: [] });

    await expect(detach(fixture.database, 'o')).rejects.toMatchObject({
      code: 'GX011',
      message: 'public.o is not attached.',
    });
  });
});

describe('checkTables', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  afterAll(() => fixture.close());

  const AGAIN = "select atone.attach('public.o', 'any')";

  test.each([
    ['drop trigger zzz_atone_capture on o', 'Its trigger zzz_atone_capture is missing on public.o.', AGAIN],
    ['drop trigger atone_truncate on o', 'Its trigger atone_truncate is missing on public.o.', AGAIN],
    ['alter table o disable trigger user', 'Its trigger atone_truncate is disabled on public.o.', AGAIN],
    [
      'alter table o enable trigger zzz_atone_capture',
      'Its trigger zzz_atone_capture is disabled on public.o.',
      AGAIN,
    ],
    ['alter table o add v int', 'Its columns, its key or its unique indexes have changed.', AGAIN],
    [
      'drop view atone_read.o; alter table o alter code type varchar(9)',
      'Its columns, its key or its unique indexes have changed.',
      AGAIN,
    ],
    [
      'alter table o drop constraint o_pkey, add primary key (code)',
      'Its columns, its key or its unique indexes have changed.',
      AGAIN,
    ],
    [
      'create unique index on o (lower(code))',
      'Its columns, its key or its unique indexes have changed.',
      AGAIN,
    ],
    [
      'create table c (id int primary key, o int references o on delete cascade)',
      'public.c follows its changes (c_o_fkey), and is not attached.',
      "select atone.attach('public.c')",
    ],
    ['drop view atone_read.o', 'Its view atone_read.o is missing.', AGAIN],
  ])('finds what `%s` has done, and its remedy mends that', async (change, problem, remedy) => {
    await prepare(fixture, { tables: 'create table o (id int primary key, code text)', attached: ['o'] });
    const problemsBefore = await checkTables(fixture.database);
    await fixture.run(change);

    const problems = await checkTables(fixture.database);

    expect(problemsBefore).toEqual([]);
    expect(problems).toContainEqual({ table: 'public.o', problem, remedy });
    await fixture.run(remedy);
    expect((await checkTables(fixture.database)).filter((left) => left.problem === problem)).toEqual([]);
  });

  test('finds a partition that came later, which is captured but could be truncated', async () => {
    await prepare(fixture, {
      tables: 'create table o (id int primary key) partition by list (id)',
      attached: ['o'],
    });
    await fixture.run('create table o_1 partition of o for values in (1)');

    const problems = await checkTables(fixture.database);

    expect(problems).toEqual([
      { table: 'public.o', problem: 'Its trigger atone_truncate is missing on public.o_1.', remedy: AGAIN },
    ]);
    await fixture.run(AGAIN);
    expect(await checkTables(fixture.database)).toEqual([]);
  });

  test('finds a table that is gone', async () => {
    await prepare(fixture, { tables: 'create table o (id int primary key)', attached: ['o'] });
    await fixture.run('drop table o cascade');

    const problems = await checkTables(fixture.database);

    expect(problems).toEqual([
      {
        table: 'public.o',
        problem: 'It is gone.',
        remedy: expect.stringMatching(/^delete from atone\.attached/u),
      },
    ]);
  });
});
