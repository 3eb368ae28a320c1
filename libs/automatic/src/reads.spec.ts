import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client } from 'pg';
import { AutomaticFixture } from './testing/automatic.fixture.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';
const OTHER = '01a20550-9211-7000-9ac7-a7b35bbd5662';

describe('the view of what is globally committed', () => {
  let fixture: AutomaticFixture;
  let reader: Client;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
    await fixture.run(`
create table item (id int primary key, amount int);
create table article (
  region text, number int, facts jsonb, tags text[], price numeric(10, 2), made_at timestamptz,
  "before" numeric(10, 2) generated always as (price * 2) stored, primary key (region, number)
) partition by list (region);
create table article_north partition of article for values in ('north');
create table article_south partition of article for values in ('south');
select atone.attach('item'); select atone.attach('article')`);

    reader = await fixture.connect();
  });

  beforeEach(() =>
    fixture.run(`
truncate atone.image;
delete from item; delete from article;
insert into item values (1, 10), (2, 20), (3, 30);
insert into article values
  ('north', 1, 'null', '[0:1]={a,null}', 1.50, '2026-01-01 00:00:00.000001+00'), ('south', 1, '{"a": [1]}', null, 2, 'infinity')`),
  );

  afterAll(async () => {
    await reader.end();
    await fixture.close();
  });

  /** What is seen, by a branch or by anybody else. */
  async function seen(view: string, gid = ''): Promise<readonly unknown[]> {
    await reader.query("select set_config('atone.gid', $1, false)", [gid]);
    const { rows } = await reader.query<{ line: string }>(
      `select seen::text as line from atone_read.${view} as seen order by 1`,
    );
    return rows.map(({ line }) => line);
  }

  test('shows others how rows were, whatever a branch has done to them', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'update item set amount = 11 where id = 1; delete from item where id = 2; insert into item values (4, 40); update item set amount = 12 where id = 1',
    );

    expect(await seen('item')).toEqual(['(1,10)', '(2,20)', '(3,30)']);
    expect(await seen('item', OTHER)).toEqual(['(1,10)', '(2,20)', '(3,30)']);
  });

  test('shows a global transaction what it has written itself', async () => {
    await fixture.inBranch(
      GID,
      '1',
      'update item set amount = 11 where id = 1; delete from item where id = 2; insert into item values (4, 40)',
    );

    expect(await seen('item', GID)).toEqual(['(1,11)', '(3,30)', '(4,40)']);
  });

  test.each([
    ['a changed key', 'update item set id = 9 where id = 1'],
    [
      'keys that were swapped',
      'update item set id = 9 where id = 1; update item set id = 1 where id = 2; update item set id = 2 where id = 9',
    ],
    [
      'a key that was deleted and taken again',
      'delete from item where id = 1; insert into item values (1, 99)',
    ],
    [
      'a key that was deleted and taken by another row',
      'delete from item where id = 1; update item set id = 1 where id = 2',
    ],
    [
      'a row that was inserted and deleted again',
      'insert into item values (5, 50); delete from item where id = 5',
    ],
  ])('shows others one row each, as it was, with %s', async (_title, work) => {
    await fixture.inBranch(GID, '1', work);

    expect(await seen('item')).toEqual(['(1,10)', '(2,20)', '(3,30)']);
  });

  test('shows each of two global transactions its own writes, and others none', async () => {
    await fixture.inBranch(GID, '1', 'update item set amount = 11 where id = 1');
    await fixture.inBranch(OTHER, '1', 'update item set amount = 22 where id = 2');

    expect(await seen('item', GID)).toEqual(['(1,11)', '(2,20)', '(3,30)']);
    expect(await seen('item', OTHER)).toEqual(['(1,10)', '(2,22)', '(3,30)']);
    expect(await seen('item')).toEqual(['(1,10)', '(2,20)', '(3,30)']);
  });

  test('shows what is released, up to what a later branch has written over it', async () => {
    await fixture.inBranch(GID, '1', 'update item set amount = 11 where id < 3');
    await fixture.inBranch(GID, '2', 'update item set amount = 12 where id = 1');

    await fixture.rows('select atone.release(array[$1::uuid], $2)', [GID, ['1']]);

    expect(await seen('item')).toEqual(['(1,11)', '(2,11)', '(3,30)']);
  });

  test('shows values of all types as they were, also what is generated from them', async () => {
    const before = await seen('article');
    const rows = await fixture.rows('select article::text as line from article order by 1');

    await fixture.inBranch(
      GID,
      '1',
      `update article set facts = '{}', tags = '{z}', price = 9, made_at = 'epoch' where region = 'north'; delete from article where region = 'south'`,
    );

    expect(before).toEqual(rows.map(({ line }) => line));
    expect(await seen('article')).toEqual(before);
  });

  test('shows a row where it was before it went to another partition', async () => {
    const before = await seen('article');

    await fixture.inBranch(
      GID,
      '1',
      "update article set region = 'south', number = 2 where region = 'north'",
    );

    expect(await seen('article')).toEqual(before);
  });

  test('waits for nobody', async () => {
    const client = await fixture.connect();
    await client.query(
      `begin; select set_config('atone.gid', '${GID}', true), set_config('atone.branch', '1', true); update item set amount = 11; delete from item where id = 1`,
    );

    const rows = await seen('item');

    expect(rows).toEqual(['(1,10)', '(2,20)', '(3,30)']);
    await client.end();
  });
});
