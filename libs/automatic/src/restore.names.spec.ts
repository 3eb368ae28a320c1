import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { playScenario, type Scenario } from './testing/restore.scenario.js';

const LONGEST = 'n'.repeat(63);
const LONGEST_OF_OTHERS = `${'ñ'.repeat(31)}x`;

/** Names that the SQL which we generate has as well: variables, aliases, columns of ours, placeholders. */
const OUR_NAMES = [
  'me',
  'old_key',
  'new_key',
  'old_guard_1',
  'new_guard_1',
  'gid',
  'branch_id',
  'table_id',
  'guard',
  'key',
  'op',
  'holds',
  'before',
  'after',
  'i',
  'new',
  'old',
  'tg_op',
  'found',
  'image',
  'parts',
  'atone_row_',
  'atone_image_',
  'atone_table_',
  'atone_wanted_',
  'atone_source_',
  'atone_new_',
  'atone_given_',
  'atone_past_',
  'a "quoted" name',
  "it's",
  'e@mail',
  '@',
  'per %cent %s',
  'back\\slash',
  '$1',
  LONGEST,
];

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A table with columns of these names, the first of which is its key. */
function tableOf([key, ...others]: readonly string[], type: string): string {
  const columns = others.map((name) => `, ${quoted(name)} ${type}`);
  return `
create table o (${quoted(String(key))} int primary key${columns.join('')});
insert into o (${quoted(String(key))}) values (1), (2)`;
}

function workOn([key, ...others]: readonly string[], value: string): string {
  const settings = others.map((name) => `${quoted(name)} = ${value}`);
  return `
update o set ${settings.join(', ')} where ${quoted(String(key))} = 1;
update o set ${quoted(String(key))} = 7 where ${quoted(String(key))} = 1;
delete from o`;
}

const SCENARIOS: readonly Scenario[] = [
  ...OUR_NAMES.map((name, at) => ({
    title: `a key and a unique value named ${name}`,
    tables: `
${tableOf([name, OUR_NAMES.at(at - 1) ?? ''], 'text unique')};
create table q (id int primary key, ${quoted(name)} int unique);
insert into q values (1, 1)`,
    attached: ['o', 'q'],
    work: `${workOn([name, OUR_NAMES.at(at - 1) ?? ''], "'x'")}; update q set ${quoted(name)} = 2`,
  })),
  {
    title: 'unique values in columns of all names that we use',
    tables: tableOf(OUR_NAMES, 'text unique'),
    attached: ['o'],
    work: workOn(OUR_NAMES, "'x'"),
  },
  {
    title: 'columns of all names that we use, which are kept as text',
    tables: tableOf(OUR_NAMES, 'json'),
    attached: ['o'],
    work: workOn(OUR_NAMES, "'null'"),
  },
  {
    title: 'expressions and conditions of unique indexes over columns that go by our names',
    tables: `
create table o ("me" int primary key, "new" text, "old" text, "old_key" int, "new_key" int);
create unique index on o (lower("new"), ("old" || 'x')) where "old_key" > 0;
create unique index on o (("new_key" + "me"));
insert into o values (1, 'a', 'b', 1, 2), (2, 'c', 'd', 1, 3)`,
    attached: ['o'],
    work: `update o set "new" = 'z', "new_key" = 9 where me = 1; delete from o`,
  },
  {
    title: 'tables and schemas with names that must be quoted',
    tables: `
drop schema if exists "We ""ird @ %s" cascade;
create schema "We ""ird @ %s";
create table "We ""ird @ %s"."T'x @ %I" ("Id 1" int primary key, v int, j json);
insert into "We ""ird @ %s"."T'x @ %I" values (1, 1, 'null');
create table "T""x" ("Id 1" int primary key, v int);
insert into "T""x" values (1, 1)`,
    attached: [`"We ""ird @ %s"."T'x @ %I"`, '"T""x"'],
    work: `
update "T""x" set v = 2;
update "We ""ird @ %s"."T'x @ %I" set v = 2;
delete from "T""x"`,
  },
  {
    title: 'tables whose names have all 63 bytes, of ASCII and of others',
    tables: `
create table ${LONGEST} (id int primary key, ${LONGEST} int unique);
create table "${LONGEST_OF_OTHERS}" (id int primary key, v int);
insert into ${LONGEST} values (1, 1);
insert into "${LONGEST_OF_OTHERS}" values (1, 1)`,
    attached: [LONGEST, `"${LONGEST_OF_OTHERS}"`],
    work: `
update ${LONGEST} set ${LONGEST} = 2;
delete from "${LONGEST_OF_OTHERS}"`,
  },
  {
    title: 'tables named like those of the catalog and of ours, in a session that sees them first',
    tables: `
drop schema if exists mine cascade;
create schema mine;
create table mine.pg_class (id int primary key, v int unique);
create table mine.pg_attribute (id int primary key references mine.pg_class on delete cascade);
create table mine.image (id int primary key, v int);
create table mine.attached (id int primary key, v int);
insert into mine.pg_class values (1, 1), (2, 2);
insert into mine.pg_attribute values (1);
insert into mine.image values (1, 1);
insert into mine.attached values (1, 1);
create table public.o (id int primary key); insert into o values (1)`,
    attached: ['mine.pg_attribute', 'mine.pg_class', 'mine.image', 'mine.attached', 'o'],
    work: `
set local search_path = mine, pg_catalog;
update pg_class set v = 3 where id = 2;
delete from pg_class where id = 1;
update image set v = 2;
delete from attached;
delete from public.o`,
  },
];

describe('an undo puts back', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  afterAll(() => fixture.close());

  test.each(SCENARIOS)('$title', async (scenario) => {
    const restored = await playScenario(fixture, scenario);

    expect(restored.answer).toEqual({ outcome: 'undone' });
    expect(restored.between).not.toEqual(restored.before);
    expect(restored.after).toEqual(restored.before);
    expect(restored.imageCount).toBe(0);
  });

  test('what a session writes and undoes that sees schemas of its own before those of PostgreSQL', async () => {
    await fixture.run(`
drop schema if exists mine cascade;
create schema mine;
create table mine.pg_class (id int primary key, v int);
create table mine.jsonb (id int primary key);
select atone.attach('mine.pg_class');
insert into mine.pg_class values (1, 1)`);
    await fixture.inBranch(
      '01a20550-9211-7000-9ac7-a7b35bbd5662',
      '1',
      'set local search_path = mine, pg_catalog; update pg_class set v = 2',
    );

    await fixture.run(`
begin;
set local search_path = mine, pg_catalog;
select atone.undo_branch('01a20550-9211-7000-9ac7-a7b35bbd5662', '1');
commit`);

    expect(await fixture.content('mine')).toEqual(['mine.pg_class (1,1)']);
  });
});
