import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import {
  playScenario,
  playUntilUndo,
  prepare,
  SCENARIO_GID,
  type Scenario,
} from './testing/restore.scenario.js';

const PARTITIONED = `
create table o (id int, k text, v int, primary key (id, k)) partition by list (k);
create table o_a partition of o for values in ('a');
create table o_b (v int, id int not null, k text not null);
alter table o attach partition o_b for values in ('b');
insert into o values (1, 'a', 1), (2, 'b', 2), (3, 'a', 3)`;

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'rows of partitions, also those that have moved, and those that were written there directly',
    tables: PARTITIONED,
    attached: ['o'],
    work: `
update o set v = v + 1;
update o set k = 'b' where id = 1;
insert into o_a values (9, 'a', 1);
update o_a set v = 8 where id = 9;
delete from o_b where id = 2`,
  },
  {
    title: 'rows of a partition that came later, or was attached later, and of partitions of partitions',
    tables: `
${PARTITIONED};
create table o_d (id int, k text, v int, primary key (id, k)) partition by range (id);
create table o_d1 partition of o_d for values from (0) to (10);
insert into o_d values (4, 'd', 4)`,
    attached: ['o'],
    work: `
create table o_c partition of o for values in ('c');
alter table o attach partition o_d for values in ('d');
insert into o values (5, 'c', 5), (6, 'd', 6);
update o set k = 'c' where id in (1, 4);
update o_d1 set v = 0`,
  },
  {
    title: 'unique values of partitioned tables',
    tables: `
create table o (id int, k int, e text, primary key (id, k), unique (k, e)) partition by hash (k);
create table o_0 partition of o for values with (modulus 2, remainder 0);
create table o_1 partition of o for values with (modulus 2, remainder 1);
insert into o values (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'a')`,
    attached: ['o'],
    work: `delete from o where id = 1; update o set e = 'a' where id = 2; update o set k = 5 where id = 3`,
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

  test.each([
    ['update o set v = 9 where id = 1', 'GX001'],
    ['update o_a set v = 9 where id = 1', 'GX001'],
    [
      'begin; set local session_replication_role = replica; update o_a set v = 9 where id = 1; commit',
      'GX001',
    ],
    ['truncate o', 'GX002'],
    ['truncate o_b', 'GX002'],
    ['begin; set local session_replication_role = replica; truncate o_b; commit', 'GX002'],
  ])('rows of partitions whoever else writes them: %s', async (write, code) => {
    await playUntilUndo(fixture, {
      title: '',
      tables: PARTITIONED,
      attached: ['o'],
      work: 'update o set v = 0',
    });

    await expect(fixture.run(write)).rejects.toMatchObject({ code });

    expect(await fixture.undo(SCENARIO_GID)).toEqual({ outcome: 'undone' });
  });

  test('no rows of tables that follow a partition by a foreign key, so that the table is not attached', async () => {
    const attaching = prepare(fixture, {
      tables: `
${PARTITIONED};
create table c (id int primary key, o_id int, o_k text, foreign key (o_id, o_k) references o_a on delete cascade)`,
      attached: ['o'],
    });

    await expect(attaching).rejects.toMatchObject({
      code: 'GX010',
      message: expect.stringContaining('public.c follows its changes'),
    });
  });

  test('rows of a partitioned table that follow those of another', async () => {
    const restored = await playScenario(fixture, {
      title: '',
      tables: `
create table p (id int primary key);
create table o (id int, k text, p int, primary key (id, k)) partition by list (k);
create table o_a partition of o for values in ('a');
create table o_b partition of o for values in ('b');
alter table o add foreign key (p) references p on delete cascade;
insert into p values (1), (2);
insert into o values (1, 'a', 1), (2, 'b', 1), (3, 'b', 2)`,
      attached: ['o', 'p'],
      work: 'delete from p where id = 1',
    });

    expect(restored.between).toEqual(['public.o_b (3,b,2)', 'public.p (2)']);
    expect(restored.after).toEqual(restored.before);
  });
});
