import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { refusalOf, type Refusal } from './testing/writer.fixture.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';

/** How a writer gets past the protection. */
const PAST_IT =
  'alter table account disable trigger zzz_atone_capture; alter table booking disable trigger zzz_atone_capture';
const BACK =
  'alter table account enable always trigger zzz_atone_capture; alter table booking enable always trigger zzz_atone_capture';

/** The keys of the rows that a refusal tells, each with what stands against it. */
function reasonsOf({ detail }: Refusal): readonly unknown[] {
  return (detail['rows'] as readonly Record<string, unknown>[]).map(({ key, reason }) => [key, reason]);
}

describe('rows that somebody has changed past the protection', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
    await fixture.run(`
create table account (id int primary key, email text unique, balance int, note text);
create table booking (id int primary key, account int references account);
select atone.attach('booking'); select atone.attach('account')`);
  });

  beforeEach(() =>
    fixture.run(`
truncate atone.image;
delete from booking; delete from account;
insert into account values (1, 'a@x', 10, 'one'), (2, 'b@x', 20, 'two'), (3, 'c@x', 30, 'three')`),
  );

  afterAll(() => fixture.close());

  async function meddle(statements: string): Promise<void> {
    await fixture.run(`${PAST_IT}; ${statements}; ${BACK}`);
  }

  async function undo(choice: string | null = null, seen: unknown = null): Promise<unknown> {
    const [row] = await fixture.rows("select atone.undo_branch($1, '1', $2, $3) as answer", [
      GID,
      choice,
      seen,
    ]);
    return row?.['answer'];
  }

  async function accounts(): Promise<readonly unknown[]> {
    const rows = await fixture.rows(
      "select concat_ws(' ', id, email, balance, note) as line from account order by id",
    );
    return rows.map(({ line }) => line);
  }

  /** Undoes with a choice that counts for what is dirty now. */
  async function undoSeen(choice: string): Promise<unknown> {
    const { detail } = await refusalOf(undo());
    return undo(choice, detail['seen']);
  }

  test('are told with what was expected, what was found and what would be restored', async () => {
    await fixture.inBranch(GID, '1', "update account set balance = 11, note = 'new' where id = 1");
    await meddle('update account set balance = 99 where id = 1');

    const refusal = await refusalOf(undo());

    expect(refusal).toEqual({
      code: 'GX006',
      detail: {
        seen: expect.stringMatching(/^[0-9a-f]{32}$/u),
        rowCount: 1,
        rows: [
          {
            table: 'public.account',
            key: '1',
            expected: { id: 1, email: 'a@x', balance: 11, note: 'new' },
            found: { id: 1, email: 'a@x', balance: 99, note: 'new' },
            restore: { id: 1, email: 'a@x', balance: 10, note: 'one' },
          },
        ],
      },
    });
  });

  test('have all of the undo rolled back, and all rows stay held', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'update account set balance = balance + 1; delete from account where id = 3',
    );
    await meddle('update account set balance = 99 where id = 2');
    const content = await fixture.content();

    await refusalOf(undo());

    expect(await fixture.content()).toEqual(content);
    expect(await fixture.rows('select key from atone.held order by key')).toEqual([
      { key: '1' },
      { key: '2' },
      { key: '3' },
    ]);
  });

  test('are told once, however often the branch has written them, with what was first', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'update account set balance = 11 where id = 1; update account set balance = 12 where id = 1; update account set balance = 13 where id = 1',
    );
    await meddle('update account set balance = 99 where id = 1');

    const { detail } = await refusalOf(undo());

    expect(detail).toMatchObject({
      rowCount: 1,
      rows: [{ key: '1', expected: { balance: 13 }, found: { balance: 99 }, restore: { balance: 10 } }],
    });
  });

  test('are no trouble where they are as they were before', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'update account set balance = 11 where id = 1; delete from account where id = 2',
    );
    await meddle(
      "update account set balance = 10 where id = 1; insert into account values (2, 'b@x', 20, 'two')",
    );

    const answer = await undo();

    expect(answer).toEqual({ outcome: 'undone' });
    expect(await accounts()).toEqual(['1 a@x 10 one', '2 b@x 20 two', '3 c@x 30 three']);
  });

  test('are restored by choice, with all others of the branch', async () => {
    await fixture.inBranch(
      GID,
      '1',
      "update account set balance = balance + 1; delete from account where id = 2; insert into account values (4, 'd@x')",
    );
    await meddle(
      "delete from account where id = 1; insert into account values (2, 'z@x', 99, null); update account set balance = 99 where id = 4",
    );

    const answer = await undoSeen('restore');

    expect(answer).toEqual({ outcome: 'undone' });
    expect(await accounts()).toEqual(['1 a@x 10 one', '2 b@x 20 two', '3 c@x 30 three']);
    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });

  test('are kept by choice, while all others of the branch are put back', async () => {
    await fixture.inBranch(
      GID,
      '1',
      "update account set balance = balance + 1; delete from account where id = 2; insert into account values (4, 'd@x')",
    );
    await meddle(
      "delete from account where id = 1; insert into account values (2, 'z@x', 99, null); update account set balance = 99 where id = 4",
    );

    const answer = await undoSeen('keep');

    expect(answer).toEqual({ outcome: 'undone' });
    expect(await accounts()).toEqual(['2 z@x 99', '3 c@x 30 three', '4 d@x 99']);
    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });

  test('are merged by choice: columns that nobody else has changed are put back, through all that the branch wrote', async () => {
    await fixture.inBranch(
      GID,
      '1',
      "update account set balance = 11, note = 'first' where id = 1; update account set balance = 12, note = 'second' where id = 1",
    );
    await meddle("update account set note = 'theirs' where id = 1");

    const answer = await undoSeen('merge');

    expect(answer).toEqual({ outcome: 'undone' });
    expect(await accounts()).toEqual(['1 a@x 10 theirs', '2 b@x 20 two', '3 c@x 30 three']);
  });

  test('are left to be gone by a merge where somebody has deleted them', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 11 where id < 3');
    await meddle('delete from account where id = 1');

    await undoSeen('merge');

    expect(await accounts()).toEqual(['2 b@x 20 two', '3 c@x 30 three']);
  });

  test('are not written over by a choice for what was there before: the new state is told', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 11 where id = 1');
    await meddle('update account set balance = 98 where id = 1');
    const first = await refusalOf(undo());
    await meddle('update account set balance = 99 where id = 1');

    const refusal = await refusalOf(undo('restore', first.detail['seen']));

    expect(refusal.code).toBe('GX006');
    expect(refusal.detail).toMatchObject({ rowCount: 1, rows: [{ key: '1', found: { balance: 99 } }] });
    expect(await accounts()).toContain('1 a@x 99 one');
    expect(await undo('restore', refusal.detail['seen'])).toEqual({ outcome: 'undone' });
  });

  test('are not written over by a choice without anything seen', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 11 where id = 1');
    await meddle('update account set balance = 99 where id = 1');

    const { code } = await refusalOf(undo('restore'));

    expect(code).toBe('GX006');
  });

  test('that somebody has repaired meanwhile need no choice any more', async () => {
    await fixture.inBranch(GID, '1', 'update account set balance = 11 where id = 1');
    await meddle('update account set balance = 99 where id = 1');
    const { detail } = await refusalOf(undo());
    await meddle('update account set balance = 11 where id = 1');

    const answer = await undo('keep', detail['seen']);

    expect(answer).toEqual({ outcome: 'undone' });
    expect(await accounts()).toContain('1 a@x 10 one');
  });

  test('are chosen for by nothing else than restore, keep and merge', async () => {
    const { code } = await refusalOf(undo('forget', 'x'));

    expect(code).toBe('GX012');
  });

  test('are counted all, while a hundred of them are told', async () => {
    await fixture.run("insert into account select n, 'm' || n, n, '' from generate_series(101, 250) as n");
    await fixture.inBranch(GID, '1', 'update account set balance = balance + 1 where id > 100');
    await meddle('update account set balance = -balance where id > 100');

    const { detail } = await refusalOf(undo());

    expect(detail['rowCount']).toBe(150);
    expect(detail['rows']).toHaveLength(100);
    expect(await undo('restore', detail['seen'])).toEqual({ outcome: 'undone' });
  });

  test('stand against an undo by the unique values that they have taken, all of which are told', async () => {
    await fixture.inBranch(GID, '1', 'delete from account where id < 3');
    await meddle("insert into account values (8, 'a@x'), (9, 'b@x')");

    const refusal = await refusalOf(undo());

    expect(refusal.code).toBe('GX006');
    expect(reasonsOf(refusal)).toEqual([
      ['2', expect.stringContaining('account_email_key')],
      ['1', expect.stringContaining('account_email_key')],
    ]);
  });

  test('may go on standing against it by choice, while all others are put back', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'delete from account where id = 1; update account set balance = 21 where id = 2',
    );
    await meddle("insert into account values (9, 'a@x')");

    const answer = await undoSeen('keep');

    expect(answer).toEqual({ outcome: 'undone' });
    expect(await accounts()).toEqual(['2 b@x 20 two', '3 c@x 30 three', '9 a@x']);
  });

  test('stand against an undo by what they refer to, and let it go on once that is repaired', async () => {
    await fixture.inBranch(GID, '1', 'insert into account values (4)');
    await meddle('insert into booking values (1, 4)');

    const refusal = await refusalOf(undo());

    expect(reasonsOf(refusal)).toEqual([['4', expect.stringContaining('booking_account_fkey')]]);
    await meddle('delete from booking');
    expect(await undo()).toEqual({ outcome: 'undone' });
  });
});
