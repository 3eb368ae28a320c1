import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { prepare, SCENARIO_GID } from './testing/restore.scenario.js';

/** Roles are of the whole server, on which other specs run as well. */
const SERVICE = `atone_spec_service_${process.pid}`;
const WRITER = `atone_spec_writer_${process.pid}`;
const READER = `atone_spec_reader_${process.pid}`;

describe('roles', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
    await fixture.run(`create role ${SERVICE}; create role ${WRITER}; create role ${READER}`);
  });

  beforeEach(async () => {
    await prepare(fixture, {
      tables: `
create table o (id int generated always as identity primary key, code text unique, v int, secret json);
create table c (id int primary key, o int references o on delete cascade);
insert into o (code, v, secret) values ('a', 1, 'null'), ('b', 2, '{"pin" : 1}');
insert into c values (1, 1);
grant usage on schema public to ${SERVICE}, ${WRITER};
grant select, insert, update, delete, truncate on o, c to ${SERVICE}, ${WRITER}`,
      attached: ['c', 'o'],
    });
    await fixture.run(`select atone.grant_to('${SERVICE}', 'run'), atone.grant_to('${READER}', 'read')`);
  });

  afterAll(async () => {
    for (const role of [SERVICE, WRITER, READER]) {
      // oxlint-disable-next-line no-await-in-loop -- one transaction each
      await fixture.run(`drop owned by ${role}; drop role ${role}`);
    }
    await fixture.close();
  });

  test('a service that owns nothing has its rows captured, and undoes and releases its branches', async () => {
    const before = await fixture.content();
    const work = `set local role ${SERVICE}; update o set v = 9; delete from o where id = 1; insert into o (code) values ('c')`;
    await fixture.inBranch(SCENARIO_GID, '1', work);

    await as(SERVICE, `insert into atone.undoing (gid) values ('${SCENARIO_GID}')`);
    await as(SERVICE, `select atone.undo_branch('${SCENARIO_GID}', '1')`);
    await as(SERVICE, `delete from atone.undoing`);

    expect(await fixture.content()).toEqual(before);
    await fixture.inBranch(SCENARIO_GID, '2', work);
    await as(SERVICE, `select atone.release(array['${SCENARIO_GID}'::uuid], array['2'])`);
    expect(await fixture.rows('select from atone.image')).toEqual([]);
  });

  test('a writer without any right on our schemas is captured, and refused, all the same', async () => {
    await fixture.inBranch(SCENARIO_GID, '1', `set local role ${WRITER}; update o set v = 9 where id = 1`);

    await expect(as(WRITER, 'update o set v = 7 where id = 1')).rejects.toMatchObject({ code: 'GX001' });
    await expect(as(WRITER, 'delete from o where id = 1')).rejects.toMatchObject({ code: 'GX001' });
    await expect(as(WRITER, 'truncate o, c')).rejects.toMatchObject({ code: 'GX002' });
    await as(WRITER, "update o set v = 7 where id = 2; insert into o (code) values ('d')");
    await expect(
      as(WRITER, 'set local transaction isolation level repeatable read; update o set v = 7 where id = 1'),
    ).rejects.toMatchObject({ code: 'GX001' });

    await expect(as(WRITER, 'select from atone.image')).rejects.toMatchObject({ code: '42501' });
    await fixture.undo(SCENARIO_GID);
    expect(await fixture.rows('select v from o order by id')).toEqual([{ v: 1 }, { v: 7 }, { v: null }]);
  });

  test('a writer without any right on our schemas may wait for a row by a setting', async () => {
    await fixture.inBranch(SCENARIO_GID, '1', 'update o set v = 9 where id = 1');
    const waiting = as(WRITER, "set local atone.wait = '60s'; update o set v = v + 1 where id = 1");

    await fixture.rows('select atone.release(array[$1::uuid], array[$2])', [SCENARIO_GID, '1']);

    await waiting;
    expect(await fixture.rows('select v from o where id = 1')).toEqual([{ v: 10 }]);
  });

  test('a reader sees who holds what, and what is globally committed, but no images and no tables', async () => {
    await fixture.inBranch(SCENARIO_GID, '1', 'update o set v = 9 where id = 1; delete from o where id = 2');

    const held = await rowsAs(READER, 'select table_name, key, gid from atone.held order by key');
    const committed = await rowsAs(READER, 'select id, v from atone_read.o order by id');

    expect(held).toEqual([
      { table_name: 'o', key: '1', gid: SCENARIO_GID },
      { table_name: 'o', key: '2', gid: SCENARIO_GID },
    ]);
    expect(committed).toEqual([
      { id: 1, v: 1 },
      { id: 2, v: 2 },
    ]);
  });

  test.each(['atone.image', 'public.o', 'atone.undoing'])('a reader is not shown %s', async (table) => {
    await expect(as(READER, `select from ${table}`)).rejects.toMatchObject({ code: '42501' });
  });

  test.each([
    ['insert into atone.image select', '42501'],
    ['delete from atone.attached', '42501'],
    ["select atone.attach('public.o')", '42501'],
    ["select atone.detach('public.o')", '42501'],
  ])('a service may not: %s', async (statement, code) => {
    await expect(as(SERVICE, statement)).rejects.toMatchObject({ code });
  });

  test('a reader sees the view of a table that is attached later, and of one that is attached again', async () => {
    await fixture.run('create table later (id int primary key); insert into later values (1)');
    await fixture.run("select atone.attach('later'); select atone.attach('o')");

    expect(await rowsAs(READER, 'select id from atone_read.later')).toEqual([{ id: 1 }]);
    expect(await rowsAs(READER, 'select count(*)::int as count from atone_read.o')).toEqual([{ count: 2 }]);
  });

  test('are granted what is known only', async () => {
    await expect(fixture.run(`select atone.grant_to('${READER}', 'all')`)).rejects.toMatchObject({
      code: 'GX010',
      message: "A role is granted 'run' or 'read', not 'all'.",
    });
  });

  async function as(role: string, statements: string): Promise<void> {
    await fixture.run(`begin; set local role ${role}; ${statements}; commit`);
  }

  async function rowsAs(role: string, statement: string): Promise<readonly unknown[]> {
    const client = await fixture.connect();
    try {
      await client.query(`set role ${role}`);
      const { rows } = await client.query(statement);
      return rows;
    } finally {
      await client.end();
    }
  }
});
