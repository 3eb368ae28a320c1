import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import {
  playScenario,
  playUntilUndo,
  prepare,
  SCENARIO_GID,
  type Scenario,
} from './testing/restore.scenario.js';

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'what foreign keys have deleted, changed or emptied',
    tables: `
create table p (id int primary key, v int);
create table c (id int primary key, p int references p on delete cascade on update cascade);
create table g (id int primary key, c int references c on delete set null);
create table d (id int primary key, p int default 2 references p on delete set default);
insert into p values (1, 1), (2, 2), (3, 3);
insert into c values (1, 1), (2, 1), (3, 2);
insert into g values (1, 1), (2, 3);
insert into d values (1, 1), (2, 2)`,
    attached: ['g', 'c', 'd', 'p'],
    work: 'delete from p where id = 1; update p set id = 20 where id = 3; insert into p values (7, 7)',
  },
  {
    title: 'a row that was deleted after those that refer to it had been led to a new one',
    tables: `
create table p (id int primary key, v int);
create table c (id int primary key, p int references p);
insert into p values (1, 1);
insert into c values (1, 1)`,
    attached: ['c', 'p'],
    work: 'update p set v = 2; insert into p values (2, 2); update c set p = 2; delete from p where id = 1',
  },
  {
    title: 'rows that refer to each other, where that is checked at the commit',
    tables: `
create table n (id int primary key, up int references n deferrable initially deferred);
insert into n values (1, null), (2, 1)`,
    attached: ['n'],
    work: 'insert into n values (3, 4), (4, 3); update n set up = 3; delete from n where id = 2',
  },
  {
    title: 'a tree that a cascade has deleted from its root',
    tables: `
create table n (id int primary key, up int references n on delete cascade);
insert into n values (1, null), (2, 1), (3, 2), (4, 2)`,
    attached: ['n'],
    work: 'insert into n values (5, 4); delete from n where id = 1',
  },
  {
    title: 'a row that was moved to another key and deleted there, though another row has its unique value',
    tables: `
create table o (id int primary key, e text unique);
insert into o values (1, 'a'), (2, 'b')`,
    attached: ['o'],
    work: `
update o set id = 9 where id = 1;
update o set e = 'z' where id = 2;
delete from o where id = 9;
insert into o values (3, 'a')`,
  },
];

/** A branch adds a parent, and then somebody else a row that refers to it. */
function strangersChild(action: string, childAttached: boolean): Scenario {
  return {
    title: '',
    tables: `
create table p (id int primary key);
create table c (id int primary key, p int references p ${action})`,
    attached: childAttached ? ['c', 'p'] : ['p'],
    work: 'insert into p values (1)',
    meanwhile: 'insert into c values (9, 1)',
  };
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

  test.each([
    ['on delete cascade', true, { code: 'GX003', message: expect.stringContaining('row 9 of public.c') }],
    ['on delete set null', true, { code: 'GX003', message: expect.stringContaining('row 9 of public.c') }],
    ['', true, { code: 'GX006', detail: expect.stringMatching(/"code": "(23503|23001)"/u) }],
    [
      'on delete restrict',
      false,
      { code: 'GX006', detail: expect.stringMatching(/"code": "(23503|23001)"/u) },
    ],
  ])(
    'nothing where a stranger has added a child of a row that is undone: %s, attached: %s',
    async (action, childAttached, refusal) => {
      await playUntilUndo(fixture, strangersChild(action, childAttached));

      const undo = fixture.undo(SCENARIO_GID);

      await expect(undo).rejects.toMatchObject(refusal);
      expect(await fixture.content()).toEqual(['public.c (9,1)', 'public.p (1)']);
      expect(await fixture.rows('select key from atone.held')).toEqual([{ key: '1' }]);
    },
  );

  test.each(['on delete cascade', 'on delete set null', 'on delete set default', 'on update cascade'])(
    'no table is attached whose rows others follow that are not: %s',
    async (action) => {
      const attaching = prepare(fixture, {
        tables: `
create table p (id int primary key);
create table c (id int primary key, p int references p ${action})`,
        attached: ['p'],
      });

      await expect(attaching).rejects.toMatchObject({
        code: 'GX010',
        message:
          'public.p cannot be attached: public.c follows its changes (c_p_fkey), and is not attached, so that what it loses could not be restored.',
        hint: "Attach it first: select atone.attach('public.c'); or both at once, where each follows the other: select atone.attach_together('{public.c,public.p}')",
      });
    },
  );
});
