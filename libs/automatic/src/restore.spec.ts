import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { playScenario, prepare, SCENARIO_GID, type Scenario } from './testing/restore.scenario.js';

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'insertions, updates and deletions, also of the same row, and of a thousand at once',
    tables: `
create table o (id int primary key, a text, n numeric);
insert into o select g, 'x' || g, g from generate_series(1, 50) as g`,
    attached: ['o'],
    work: `
insert into o values (100, 'n', 1.50);
update o set a = a || '!' where id < 20;
delete from o where id between 10 and 15;
update o set n = n + 0.10;
insert into o select g, 'm', 1 from generate_series(1000, 1999) as g;
delete from o where id = 100;
insert into o values (100, 'again', null)`,
  },
  {
    title: 'what CTEs, UPDATE FROM, DELETE USING and random values have changed',
    tables: `
create table o (id int primary key, a int);
create table q (id int primary key, s int);
insert into o select g, g from generate_series(1, 9) as g;
insert into q select g, 0 from generate_series(1, 9) as g`,
    attached: ['o', 'q'],
    work: `
with d as (delete from o where id < 4 returning id) update q set s = s + 1 from d where d.id = q.id;
update o set a = 10 + (random() * 100)::int;
update q set s = o.a from o where o.id = q.id;
delete from q using o where o.id = q.id and o.id > 7`,
  },
  {
    title: 'what ON CONFLICT has inserted, updated or left alone',
    tables: 'create table o (id int primary key, a int); insert into o values (1, 1)',
    attached: ['o'],
    work: `
insert into o values (1, 5), (2, 6) on conflict (id) do update set a = excluded.a;
insert into o values (1, 7) on conflict do nothing`,
  },
  {
    title: 'rows beside one that an update has left as it was',
    tables: 'create table o (id int primary key, a int); insert into o values (1, 1)',
    attached: ['o'],
    work: 'insert into o select g, g from generate_series(2, 3) as g; update o set a = 0 where false; update o set a = a',
  },
  {
    title: 'keys of several columns whose values contain separators',
    tables: `
create table o (a text, b int, v int, primary key (a, b));
insert into o values ('x_,y', 1, 1), ('z', 2, 2), ('"]', 3, 3)`,
    attached: ['o'],
    work: `
update o set a = 'w' where b = 1;
update o set b = 77 where b = 2;
update o set v = 5;
update o set b = -1 where b = 1;
update o set b = 1 where b = 77;
update o set b = 2 where b = -1;
delete from o where b = 3`,
  },
  {
    title: 'keys that were swapped through a third value',
    tables: `create table o (id int primary key, v text); insert into o values (1, 'a'), (2, 'b')`,
    attached: ['o'],
    work: 'update o set id = -1 where id = 1; update o set id = 1 where id = 2; update o set id = 2 where id = -1',
  },
  {
    title: 'a table without a primary key, by the index that is its replica identity',
    tables: `
create table o (id int not null, v text);
create unique index oi on o (id);
alter table o replica identity using index oi;
insert into o values (1, 'a'), (2, 'b')`,
    attached: ['o'],
    work: `update o set v = 'q'; delete from o where id = 1`,
  },
  {
    title: 'what was not taken back to a savepoint',
    tables: 'create table o (id int primary key, v int); insert into o values (1, 1)',
    attached: ['o'],
    work: `
update o set v = 2;
savepoint s;
update o set v = 3;
delete from o;
rollback to s;
insert into o values (2, 2)`,
  },
  {
    title: 'unique values that went from row to row, also those of an expression',
    tables: `
create table o (id int primary key, e text unique, f int);
create unique index oe on o (lower(e)) where f > 0;
insert into o values (1, 'A', 1), (2, 'B', 1)`,
    attached: ['o'],
    work: `
delete from o where id = 1;
insert into o values (3, 'a', 1);
update o set e = 'C' where id = 2;
update o set e = 'B' where id = 3;
update o set e = 'A' where id = 2`,
  },
  {
    title: 'unique values that one statement has exchanged, where the constraint is deferrable',
    tables: `
create table o (id int primary key, e int unique deferrable initially immediate);
insert into o values (1, 1), (2, 2), (3, 3)`,
    attached: ['o'],
    work: 'update o set e = 4 - e',
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

  test('what MERGE has changed, where PostgreSQL has it: from 15 on', async () => {
    await prepare(fixture, {
      tables: `
create table o (id int primary key, a int);
create table q (id int primary key);
insert into o values (1, 1), (2, 2), (3, 3);
insert into q values (2), (3), (4)`,
      attached: ['o'],
    });
    const before = await fixture.content();
    const hasMerge = (await fixture.serverVersion()) >= 15;
    const work = fixture.inBranch(
      SCENARIO_GID,
      '1',
      `merge into o using q on o.id = q.id
       when matched and o.id = 3 then delete
       when matched then update set a = 99
       when not matched then insert values (q.id, 1)`,
    );
    const [merged] = await Promise.allSettled([work]);
    const between = await fixture.content();

    const answer = await fixture.undo(SCENARIO_GID);

    expect(merged).toMatchObject(
      hasMerge ? { status: 'fulfilled' } : { status: 'rejected', reason: { code: '42601' } },
    );
    expect(between.includes('public.o (2,99)')).toBe(hasMerge);
    expect(answer).toEqual({ outcome: 'undone' });
    expect(await fixture.content()).toEqual(before);
  });
});
