import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { pgDatabase } from '@atone/participant/pg';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Pool } from 'pg';
import { checkInstallation, installAutomatic } from './install.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';

describe('the installation of the automatic kind', () => {
  let testDatabase: TestDatabase;
  let pool: Pool;

  beforeEach(async () => {
    testDatabase = await createTestDatabase();
    pool = new Pool({ connectionString: testDatabase.url, max: 4 });
  });

  afterEach(async () => {
    await pool.end();
    await testDatabase.drop();
  });

  test('is missing until it is installed, and whole then', async () => {
    await expect(checkInstallation(pgDatabase(pool))).rejects.toMatchObject({
      code: 'AUTOMATIC_MISSING',
      message: expect.stringMatching(
        /is missing in database '.+'\. Have the role that owns the tables of the service run `installAutomatic\(database\)`/u,
      ),
    });

    await installAutomatic(pgDatabase(pool));

    await expect(checkInstallation(pgDatabase(pool))).resolves.toBeUndefined();
  });

  test('may be repeated, and changes nothing then', async () => {
    await installAutomatic(pgDatabase(pool));
    await pool.query(`create table o (id int primary key); select atone.attach('o')`);
    const before = await objects();

    await installAutomatic(pgDatabase(pool));

    expect(await objects()).toEqual(before);
  });

  test('may be done by several at once', async () => {
    const others = new Pool({ connectionString: testDatabase.url, max: 4 });

    await Promise.all([pool, others, pool, others].map((each) => installAutomatic(pgDatabase(each))));

    await others.end();
    await expect(checkInstallation(pgDatabase(pool))).resolves.toBeUndefined();
  });

  test('of other functions is refused, and made anew with all that is attached', async () => {
    await installAutomatic(pgDatabase(pool));
    await pool.query(`
create table o (id int primary key);
insert into o values (1);
select atone.attach('o');
create or replace function atone.capture_1() returns trigger language plpgsql as 'begin return null; end';
create or replace function atone.short_key(key text) returns text language sql as 'select null::text';
update atone.automatic_version set functions_hash = 'of an older version'`);
    await expect(checkInstallation(pgDatabase(pool))).rejects.toMatchObject({
      code: 'AUTOMATIC_OUTDATED',
      message: expect.stringMatching(/was changed\. Bring it up to date\./u),
    });

    await installAutomatic(pgDatabase(pool));

    await expect(checkInstallation(pgDatabase(pool))).resolves.toBeUndefined();
    await pool.query(
      `begin; select set_config('atone.gid', '${GID}', true), set_config('atone.branch', '1', true); delete from o; commit`,
    );
    await expect(pool.query('insert into o values (1)')).rejects.toMatchObject({ code: 'GX001' });
  });

  test('of rows that are held goes on holding them', async () => {
    await installAutomatic(pgDatabase(pool));
    await pool.query(`create table o (id int primary key, e text unique); select atone.attach('o')`);
    await pool.query(
      `begin; select set_config('atone.gid', '${GID}', true), set_config('atone.branch', '1', true); insert into o values (1, 'a'); commit`,
    );
    await pool.query(`update atone.automatic_version set functions_hash = ''`);

    await installAutomatic(pgDatabase(pool));

    await expect(pool.query('delete from o')).rejects.toMatchObject({ code: 'GX001' });
    await pool.query(`select atone.undo_branch('${GID}', '1')`);
    expect((await pool.query('select from o')).rowCount).toBe(0);
  });

  test('leaves out tables that are gone, which a check tells of', async () => {
    await installAutomatic(pgDatabase(pool));
    await pool.query(`
create table o (id int primary key);
select atone.attach('o');
drop table o cascade;
update atone.automatic_version set functions_hash = ''`);

    await installAutomatic(pgDatabase(pool));

    const { rows } = await pool.query('select problem from atone.check_tables()');
    expect(rows).toEqual([{ problem: 'It is gone.' }]);
  });

  test('of a newer version is refused by an older library, and left as it is', async () => {
    await installAutomatic(pgDatabase(pool));
    await pool.query('update atone.automatic_version set version = 99');

    const refusal = {
      code: 'AUTOMATIC_OUTDATED',
      message: expect.stringMatching(/of another version \(99\).*Update @atone\/automatic in this service/u),
    };

    await expect(checkInstallation(pgDatabase(pool))).rejects.toMatchObject(refusal);
    await expect(installAutomatic(pgDatabase(pool))).rejects.toMatchObject(refusal);
    const { rows } = await pool.query('select version from atone.automatic_version');
    expect(rows).toEqual([{ version: 99 }]);
  });

  async function objects(): Promise<readonly unknown[]> {
    const { rows } = await pool.query(`
select 'function' as kind, oid, xmin::text from pg_proc where pronamespace = 'atone'::regnamespace
union all
select 'relation', oid, xmin::text from pg_class where relnamespace in ('atone'::regnamespace, 'atone_read'::regnamespace)
union all
select 'trigger', oid, xmin::text from pg_trigger
order by 1, 2`);
    return rows;
  }
});
