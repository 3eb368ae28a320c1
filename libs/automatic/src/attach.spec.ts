import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { attach, attachedTables } from './attached.tables.js';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { prepare, SCENARIO_GID, tracesOf } from './testing/restore.scenario.js';

interface Refusal {
  readonly title: string;
  readonly tables: string;
  readonly message: RegExp;
  readonly hint?: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  { title: 'a view', tables: 'create view o as select 1 as id', message: /only tables can/u },
  { title: 'a sequence', tables: 'create sequence o', message: /only tables can/u },
  {
    title: 'a foreign table',
    tables: `
create extension if not exists file_fdw schema pg_catalog;
drop server if exists files cascade;
create server files foreign data wrapper file_fdw;
create foreign table o (id int) server files options (filename '/dev/null')`,
    message: /only tables can/u,
  },
  {
    title: 'a table with a partition that is foreign',
    tables: `
create extension if not exists file_fdw schema pg_catalog;
drop server if exists files cascade;
create server files foreign data wrapper file_fdw;
create table o (id int) partition by list (id);
create foreign table o_f partition of o for values in (1) server files options (filename '/dev/null')`,
    message: /a partition of it is a foreign table/u,
  },
  {
    title: 'a partition',
    tables:
      'create table p (id int primary key) partition by list (id); create table o partition of p default',
    message: /it is a partition/u,
    hint: /Attach the partitioned table/u,
  },
  {
    title: 'a table with heirs',
    tables: 'create table o (id int primary key); create table p (primary key (id)) inherits (o)',
    message: /inheritance/u,
  },
  {
    title: 'an heir',
    tables: 'create table p (id int primary key); create table o (primary key (id)) inherits (p)',
    message: /inheritance/u,
  },
  {
    title: 'a table without a key',
    tables: 'create table o (id int unique)',
    message: /no key by which a row could be found again/u,
    hint: /alter table public\.o replica identity using index/u,
  },
  {
    title: 'a key of floating-point numbers',
    tables: 'create table o (id float8 primary key)',
    message: /equal values of its key \(id\) may print differently/u,
  },
  {
    title: 'a key of intervals',
    tables: 'create table o (a int, id interval, primary key (a, id))',
    message: /equal values of its key \(a, id\)/u,
  },
  {
    title: 'a key whose collation tells no case',
    tables: `
create collation if not exists pg_catalog.atone_spec_caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table o (id text collate atone_spec_caseless primary key)`,
    message: /equal values of its key/u,
  },
  {
    title: 'a table that another one follows',
    tables: 'create table o (id int primary key); create table c (id int references o on delete set null)',
    message: /public\.c follows its changes \(c_id_fkey\)/u,
    hint: /Attach it first: select atone\.attach\('public\.c'\)/u,
  },
];

describe('attach', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  beforeEach(() => prepare(fixture, { tables: 'drop schema if exists sales cascade', attached: [] }));

  afterAll(() => fixture.close());

  test.each(REFUSALS)(
    'refuses $title, says why, and leaves nothing',
    async ({ tables, message, hint = /^/u }) => {
      await fixture.run(tables);

      const attaching = attach(fixture.database, 'o');

      await expect(attaching).rejects.toMatchObject({
        code: 'GX010',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      });
      expect(await tracesOf(fixture)).toEqual([]);
    },
  );

  test.each([
    ['atone.image', /it is not a table of yours/u],
    ['pg_catalog.pg_class', /it is not a table of yours/u],
  ])('refuses %s', async (table, message) => {
    await expect(attach(fixture.database, table)).rejects.toMatchObject({
      code: 'GX010',
      message: expect.stringMatching(message),
    });
  });

  test('refuses a temporary table', async () => {
    const attaching = fixture.run(
      "create temporary table t (id int primary key) on commit drop; select atone.attach('t')",
    );

    await expect(attaching).rejects.toMatchObject({
      code: 'GX010',
      message: expect.stringMatching(/temporary/u),
    });
  });

  test('refuses writers that it does not know', async () => {
    await fixture.run('create table o (id int primary key)');

    const attaching = fixture.run("select atone.attach('o', 'none')");

    await expect(attaching).rejects.toMatchObject({
      code: 'GX010',
      message: "Writers are 'any' or 'global-only', not 'none'.",
    });
  });

  test('warns of nothing where there is nothing to warn of', async () => {
    await fixture.run('create table o (id int primary key, v jsonb unique)');

    expect(await attach(fixture.database, 'o')).toEqual([]);
    expect(await attach(fixture.database, 'o')).toEqual([]);
  });

  test('warns of triggers, rules, row security, exclusion constraints and types of extensions', async () => {
    await fixture.run(`
create extension hstore;
create table o (id int primary key, r int4range, h hstore, exclude using gist (r with &&));
alter table o enable row level security;
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger unguarded before update on o for each row execute function f();
create trigger guarded before update on o for each row
  when (current_setting('atone.undo', true) is distinct from '1') execute function f();
create rule r as on update to o do also notify o`);

    const warnings = await attach(fixture.database, 'o');

    expect(warnings).toEqual([
      expect.stringMatching(/^Trigger unguarded fires in an undo as well/u),
      expect.stringMatching(/^Rule r rewrites statements/u),
      expect.stringMatching(/^Row security is on/u),
      expect.stringMatching(/^What exclusion constraint o_r_excl keeps apart is not held/u),
      expect.stringMatching(/^Column h is of type public\.hstore, which an extension defines/u),
    ]);
  });

  test('warns of triggers and unique indexes that a single partition has', async () => {
    await fixture.run(`
create table o (id int primary key, v int) partition by list (id);
create table o_1 partition of o for values in (1);
create unique index o_1_v on o_1 (v);
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger unguarded before update on o_1 for each row execute function f()`);

    const warnings = await attach(fixture.database, 'o');

    expect(warnings).toEqual([
      expect.stringMatching(/^Trigger unguarded fires in an undo as well/u),
      expect.stringMatching(/^What unique index o_1_v of partition public\.o_1 keeps apart is not held/u),
    ]);
  });

  test('has ordinary writers refused where only global transactions may write', async () => {
    await fixture.run('create table o (id int primary key)');
    await attach(fixture.database, 'o', { writers: 'global-only' });

    await expect(fixture.run('insert into o values (1)')).rejects.toMatchObject({
      code: 'GX004',
      message: 'public.o is written by global transactions only.',
    });

    await fixture.inBranch(SCENARIO_GID, '1', 'insert into o values (2)');
    await fixture.undo(SCENARIO_GID);
    await attach(fixture.database, 'o');
    await fixture.run('insert into o values (3)');
    expect(await fixture.content()).toEqual(['public.o (3)']);
  });

  test('keeps columns and indexes apart anew when they have changed', async () => {
    await fixture.run(
      "create table o (id int primary key); insert into o values (1); select atone.attach('o')",
    );
    await fixture.run("alter table o add j json, add code text unique; update o set j = 'null', code = 'a'");

    await attach(fixture.database, 'o');

    await fixture.inBranch(SCENARIO_GID, '1', "update o set j = '{}', code = 'b'");
    await expect(fixture.run("insert into o (id, code) values (2, 'a')")).rejects.toMatchObject({
      code: 'GX001',
    });
    await fixture.undo(SCENARIO_GID);
    expect(await fixture.content()).toEqual(['public.o (1,null,a)']);
  });

  test.each([
    ['the key', 'alter table o drop constraint o_pkey, add primary key (code)'],
    ['a unique index', 'create unique index on o (code)'],
  ])('refuses to go by other keys while rows are held: %s has changed', async (_title, change) => {
    await fixture.run("create table o (id int primary key, code text); select atone.attach('o')");
    await fixture.inBranch(SCENARIO_GID, '1', "insert into o values (1, 'a')");
    await fixture.run(change);

    await expect(attach(fixture.database, 'o')).rejects.toMatchObject({
      code: 'GX010',
      message:
        'public.o cannot be attached again: its key or its unique indexes have changed, and global transactions hold rows of it.',
    });

    await fixture.undo(SCENARIO_GID);
    expect(await attach(fixture.database, 'o')).toEqual([]);
  });

  test('names the views of tables of one name apart, whatever their length', async () => {
    const long = 'ñ'.repeat(31);
    await fixture.run(`
create schema sales;
create table o (id int primary key);
create table sales.o (id int primary key);
create table sales_o (id int primary key);
create table "${long}" (id int primary key);
create table sales."${long}" (id int primary key);
insert into o values (1);
insert into sales.o values (2)`);

    await attach(fixture.database, 'o');
    await attach(fixture.database, 'sales.o');
    await attach(fixture.database, 'sales_o');
    await attach(fixture.database, `"${long}"`);
    await attach(fixture.database, `sales."${long}"`);
    await attach(fixture.database, 'sales.o');

    const views = (await attachedTables(fixture.database)).map(({ view }) => view);
    expect(views).toEqual([
      `atone_read."${long}"`,
      'atone_read.o',
      'atone_read.public_sales_o',
      expect.stringMatching(/^atone_read\.table_\d+$/u),
      'atone_read.sales_o',
    ]);
    expect(await fixture.rows('select id from atone_read.sales_o')).toEqual([{ id: 2 }]);
  });
});
