import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';
/** What a branch does, to tables that are made and attached for it. */
interface Scenario {
  readonly title: string;
  readonly tables: string;
  readonly attached: readonly string[];
  readonly work: string;
  /** What is done between the branch and its undo. */
  readonly meanwhile?: string;
}

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
];

describe('an undo puts back', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  afterAll(() => fixture.close());

  test.each(SCENARIOS)('$title', async ({ tables, attached, work, meanwhile }) => {
    await fixture.run(`drop schema public cascade; create schema public; truncate atone.attached; ${tables}`);
    await fixture.run(attached.map((table) => `select atone.attach('${table}')`).join(';'));
    const before = await fixture.content();
    await fixture.inBranch(GID, '1', work);
    const between = await fixture.content();
    await fixture.run(meanwhile ?? '');

    const answer = await fixture.undo(GID);

    expect(answer).toEqual({ outcome: 'undone' });
    expect(between).not.toEqual(before);
    expect(await fixture.content()).toEqual(before);
    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });
});
