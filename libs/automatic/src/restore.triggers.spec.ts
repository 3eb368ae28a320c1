import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { playScenario, playUntilUndo, SCENARIO_GID, type Scenario } from './testing/restore.scenario.js';

const SUM_TRIGGER = `
create function f() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    update s set total = total - old.v where id = old.s;
  end if;
  if tg_op <> 'DELETE' then
    update s set total = total + new.v where id = new.s;
  end if;
  return null;
end $$;
create trigger z after insert or update or delete on o for each row execute function f()`;

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'a sum that a trigger keeps in a table that is attached too',
    tables: `
create table s (id int primary key, total int);
create table o (id int primary key, s int, v int);
insert into s values (1, 0);
${SUM_TRIGGER};
insert into o values (1, 1, 5)`,
    attached: ['s', 'o'],
    work: 'insert into o values (2, 1, 7); update o set v = 10 where id = 1; delete from o where id = 1',
  },
  {
    title: 'rows whose trigger finds its tables by the search path of the session',
    tables: `
create table s (id int primary key, total int);
create table o (id int primary key, s int, v int);
insert into s values (1, 0);
${SUM_TRIGGER}`,
    attached: ['s', 'o'],
    work: 'insert into o values (2, 1, 7), (3, 1, 8); delete from o where id = 2',
  },
  {
    title:
      'a row that a trigger has changed, changed back or deleted once more before the image of its own statement was kept',
    tables: `
create table o (id int primary key, v int, w int);
insert into o values (1, 1, 1);
create function f() returns trigger language plpgsql as $$
begin
  if new.v < 0 then
    delete from o where id = new.id;
  elsif new.v = 77 then
    update o set v = old.v, w = old.w where id = new.id;
  elsif new.w is null then
    update o set w = new.v where id = new.id;
    update o set w = w + 1 where id = new.id;
  end if;
  return null;
end $$;
create trigger a after insert or update on o for each row
  when (current_setting('atone.undo', true) is distinct from '1') execute function f()`,
    attached: ['o'],
    work: `
insert into o values (2, 2), (3, 3), (4, -1), (5, 5);
update o set v = 5, w = null;
update o set v = 77 where id = 1;
update o set v = 6, w = null where id = 3;
update o set v = -1 where id = 2;
delete from o where id = 1;
insert into o values (1, 8), (4, -1)`,
  },
  {
    title: 'a row that a trigger inserts again whenever it is deleted',
    tables: `
create table o (id int primary key, v int);
insert into o values (1, 1), (2, 2);
create function f() returns trigger language plpgsql as $$
begin insert into o values (old.id, old.v + 1); return null; end $$;
create trigger a after delete on o for each row
  when (current_setting('atone.undo', true) is distinct from '1') execute function f()`,
    attached: ['o'],
    work: 'delete from o where id = 1; update o set v = 9 where id = 1; delete from o',
  },
];

function stamped(condition: string): Scenario {
  return {
    title: '',
    tables: `
create table o (id int primary key, v int, updated_at text not null default 'at first');
create function f() returns trigger language plpgsql as $$ begin new.updated_at := 'by the trigger'; return new; end $$;
insert into o values (1, 1);
create trigger stamp before update on o for each row ${condition} execute function f()`,
    attached: ['o'],
    work: 'update o set v = 2',
  };
}

function undoAs(tenant: string): string {
  return `
begin;
set local role atone_spec_tenant;
set local app.tenant = '${tenant}';
select atone.undo_branch('${SCENARIO_GID}', '1');
commit`;
}

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

  test('the instant of the last change, where the trigger that sets it leaves undos alone', async () => {
    const restored = await playScenario(
      fixture,
      stamped("when (current_setting('atone.undo', true) is distinct from '1')"),
    );

    expect(restored.between).toEqual(['public.o (1,2,"by the trigger")']);
    expect(restored.after).toEqual(['public.o (1,1,"at first")']);
  });

  test('nothing where a trigger changes what is restored, and says so', async () => {
    await playUntilUndo(fixture, stamped(''));

    const undo = fixture.undo(SCENARIO_GID);

    await expect(undo).rejects.toMatchObject({
      code: 'GX006',
      detail: expect.stringContaining('A trigger, a rule or row security has changed what was restored.'),
    });
    expect(await fixture.content()).toEqual(['public.o (1,2,"by the trigger")']);
  });

  test('a row, and an audit that is not attached tells of the undo as well', async () => {
    const restored = await playScenario(fixture, {
      title: '',
      tables: `
create table o (id int primary key, v int);
create table audit (id int generated always as identity, what text);
create function f() returns trigger language plpgsql as $$
begin insert into audit (what) values (concat(tg_op, ' ', new.v)); return null; end $$;
insert into o values (1, 1);
create trigger a after update on o for each row execute function f()`,
      attached: ['o'],
      work: 'update o set v = 2',
    });

    expect(restored.after).toEqual([
      'public.audit (1,"UPDATE 2")',
      'public.audit (2,"UPDATE 1")',
      'public.o (1,1)',
    ]);
  });

  test('what row security lets its role see and write, and is refused where it hides a row', async () => {
    await fixture.run(`
drop role if exists atone_spec_tenant;
create role atone_spec_tenant;
grant usage on schema public, atone to atone_spec_tenant`);
    await playUntilUndo(fixture, {
      title: '',
      tables: `
create table o (id int primary key, tenant text, v int);
alter table o enable row level security;
create policy own on o using (tenant = current_setting('app.tenant', true));
insert into o values (1, 'a', 1), (2, 'b', 1);
grant usage on schema public to atone_spec_tenant;
grant select, insert, update, delete on o to atone_spec_tenant;
select atone.grant_to('atone_spec_tenant', 'run')`,
      attached: ['o'],
      work: `set local role atone_spec_tenant; set local app.tenant = 'a'; update o set v = 2; insert into o values (3, 'a', 3)`,
    });

    await expect(fixture.run(undoAs('b'))).rejects.toMatchObject({ code: 'GX006' });
    await fixture.run(undoAs('a'));

    expect(await fixture.content()).toEqual(['public.o (1,a,1)', 'public.o (2,b,1)']);
    await fixture.run('drop owned by atone_spec_tenant; drop role atone_spec_tenant');
  });
});
