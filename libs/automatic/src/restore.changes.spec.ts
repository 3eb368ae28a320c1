import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { playScenario, playUntilUndo, SCENARIO_GID, type Scenario } from './testing/restore.scenario.js';

/** An update and a deletion, between which and their undo the table changes. */
function changed(meanwhile: string): Scenario {
  return {
    title: '',
    tables: `
create table o (id int primary key, v int, w text);
insert into o values (1, 1, 'a'), (2, 2, 'b')`,
    attached: ['o'],
    work: 'update o set v = 5; delete from o where id = 2; insert into o values (3, 3)',
    meanwhile,
  };
}

/** A branch that holds row 1, and what a session does to it past all triggers. */
const PAST_THE_TRIGGERS = `
alter table o disable trigger zzz_atone_capture;
update o set v = 7 where id = 1;
alter table o enable always trigger zzz_atone_capture`;

describe('an undo', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  afterAll(() => fixture.close());

  test.each([
    [
      'a column that came later takes its default',
      'alter table o add column z int not null default 4',
      ['(1,1,a,4)', '(2,2,b,4)'],
    ],
    [
      'a column that came later is left as it is in rows that are still there',
      "alter table o add column z int; update atone.attached set fingerprint = ''",
      ['(1,1,a,)', '(2,2,b,)'],
    ],
    [
      'a column that was dropped, with the view of it, is left out',
      'alter table o drop column w cascade',
      ['(1,1)', '(2,2)'],
    ],
    [
      'a column that came and went again leaves nothing',
      'alter table o add column z int; alter table o drop column z',
      ['(1,1,a)', '(2,2,b)'],
    ],
    [
      'a column that has got a wider type is restored in that',
      'drop view atone_read.o; alter table o alter column v type numeric(9, 2)',
      ['(1,1.00,a)', '(2,2.00,b)'],
    ],
    [
      'a table that was attached again after its columns had changed',
      "alter table o add column z jsonb default '[]'; select atone.attach('o')",
      ['(1,1,a,[])', '(2,2,b,[])'],
    ],
  ])('restores rows of a changed table: %s', async (_title, meanwhile, after) => {
    const restored = await playScenario(fixture, changed(meanwhile));

    expect(restored.answer).toEqual({ outcome: 'undone' });
    expect(restored.after).toEqual(after.map((row) => `public.o ${row}`));
  });

  test('tells that a table is gone', async () => {
    await playUntilUndo(fixture, changed('drop table o cascade'));

    const undo = fixture.undo(SCENARIO_GID);

    await expect(undo).rejects.toMatchObject({
      code: 'GX006',
      detail: expect.stringContaining('The table is gone.'),
    });
  });

  test('leaves a row alone that was changed past the triggers, and tells expected, found and restored', async () => {
    await playUntilUndo(fixture, {
      title: '',
      tables: 'create table o (id int primary key, v int); insert into o values (1, 1), (2, 2)',
      attached: ['o'],
      work: 'update o set v = v + 1',
      meanwhile: PAST_THE_TRIGGERS,
    });

    const [undo] = await Promise.allSettled([fixture.undo(SCENARIO_GID)]);

    const { reason } = undo as PromiseRejectedResult;
    expect(reason).toMatchObject({ code: 'GX006' });
    expect(JSON.parse(String((reason as { detail: unknown }).detail))).toMatchObject({
      rowCount: 1,
      rows: [
        {
          table: 'public.o',
          key: '1',
          expected: { id: 1, v: 2 },
          found: { id: 1, v: 7 },
          restore: { id: 1, v: 1 },
        },
      ],
    });
    expect(await fixture.content()).toEqual(['public.o (1,7)', 'public.o (2,3)']);
  });

  test.each([
    ['update o set v = 9', 'GX001'],
    ['truncate o', 'GX002'],
  ])(
    'cannot be disturbed by a session whose triggers do not fire, as of replication: %s',
    async (write, code) => {
      await playUntilUndo(fixture, changed(''));

      const writing = fixture.run(`begin; set local session_replication_role = replica; ${write}; commit`);

      await expect(writing).rejects.toMatchObject({ code });
      expect(await fixture.undo(SCENARIO_GID)).toEqual({ outcome: 'undone' });
    },
  );

  test('restores what a branch has written while its session’s triggers did not fire', async () => {
    const restored = await playScenario(fixture, {
      ...changed(''),
      work: 'set local session_replication_role = replica; update o set v = 5; delete from o where id = 2',
    });

    expect(restored.after).toEqual(restored.before);
  });

  test('cannot be had of a truncation, which a branch is refused', async () => {
    await playUntilUndo(fixture, { ...changed(''), work: 'select 1' });

    const truncating = fixture.inBranch(SCENARIO_GID, '2', 'truncate o');

    await expect(truncating).rejects.toMatchObject({ code: 'GX002' });
  });

  test('is not made impossible by a truncation by others, who may truncate once nobody holds a row', async () => {
    await playUntilUndo(fixture, changed(''));

    const truncating = fixture.run('truncate o');

    await expect(truncating).rejects.toMatchObject({
      code: 'GX002',
      hint: 'Delete the rows, or wait until no global transaction holds one.',
    });
    expect(await fixture.undo(SCENARIO_GID)).toEqual({ outcome: 'undone' });
    await fixture.run('truncate o');
    expect(await fixture.content()).toEqual([]);
  });
});
