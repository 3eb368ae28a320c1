import { MIGRATION_NAMES } from './data-source.js';
import { inspect } from 'node:util';
import { createTestDatabase } from '@atone/embedded-postgres';
import type { TestDatabase } from '@atone/embedded-postgres';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { createDataSource } from './data-source.js';
import { HotPool } from './hot.pool.js';
import { openPostgresStore } from './open.store.js';
import type { PostgresStore } from './open.store.js';
import { checkServer, lossySettings } from './server.check.js';
import { newRow } from './testing/row.factory.js';

let database: TestDatabase;
let side: pg.Client;
let opened: PostgresStore[];

beforeEach(async () => {
  opened = [];
  database = await createTestDatabase();
  side = new pg.Client({ connectionString: database.url });
  await side.connect();
});

afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await side.end();
  await database.drop();
});

async function open(): Promise<PostgresStore> {
  const store = await openPostgresStore({ url: database.url, acceptLoss: true });
  opened.push(store);
  return store;
}

async function columns(): Promise<unknown[]> {
  const { rows } = await side.query(`
    select table_name, column_name, data_type
    from information_schema.columns
    where table_schema = 'atone'
    order by 1, 2`);
  return rows;
}

test('three instances that start at once on an empty database migrate it once, and all can work', async () => {
  const stores = await Promise.all([open(), open(), open()]);

  const { rows } = await side.query('select name from atone.migration');
  expect(rows).toEqual(MIGRATION_NAMES.map((name) => ({ name })));
  const accepted = await Promise.all(stores.map((store) => store.log.accept([newRow()])));
  expect(accepted.flat().map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'accepted']);
});

test('what is in the log is there after the next start', async () => {
  const row = newRow();
  const first = await open();
  await first.log.accept([row]);
  const before = await columns();

  const second = await open();

  expect((await second.log.get(row.gid))?.gid).toBe(row.gid);
  expect(await columns()).toEqual(before);
});

test('a migration that was cut off leaves nothing, and the next start does it whole', async () => {
  // A table in the way of the last statement: whatever was made before it must be gone with it.
  await side.query('create schema atone');
  await side.query('create table atone.finished_count ()');
  await expect(open()).rejects.toMatchObject({ code: 'LOG_STATEMENT_FAILED' });
  const { rows } = await side.query(`select to_regclass('atone.global_transaction') as found`);
  await side.query('drop table atone.finished_count');

  const store = await open();

  expect(rows).toEqual([{ found: null }]);
  expect(await store.log.list({ limit: 1 })).toEqual([]);
});

test('a schema that a newer version has migrated is refused, by name', async () => {
  await open();
  await side.query(
    `insert into atone.migration (timestamp, name) values (9999999999999, 'Later9999999999999')`,
  );

  await expect(open()).rejects.toMatchObject({
    code: 'LOG_SCHEMA_TOO_NEW',
    message: expect.stringContaining('Later9999999999999'),
  });
});

test('a server that may lose commits is refused, with the setting and the way to accept it', async () => {
  const opening = openPostgresStore({ url: database.url });

  await expect(opening).rejects.toMatchObject({
    code: 'LOG_NOT_DURABLE',
    message: expect.stringMatching(/fsync=off.*ATONE_ACCEPT_LOSS=true/u),
  });
  const { rows } = await side.query(`select to_regnamespace('atone') as schema`);
  expect(rows).toEqual([{ schema: null }]);
});

test('a role whose own settings may lose commits is seen through', async () => {
  const { rows } = await side.query<{ name: string }>('select current_database() as name');
  await side.query(`alter database ${rows[0]?.name} set synchronous_commit = off`);

  await expect(openPostgresStore({ url: database.url })).rejects.toMatchObject({
    settings: expect.arrayContaining(['synchronous_commit=off']),
  });
});

const SAFE = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  synchronous_standby_names: '',
};

test.each([
  [{}, []],
  [{ synchronous_commit: 'local' }, []],
  [{ synchronous_commit: 'remote_apply', synchronous_standby_names: '*' }, []],
  [{ fsync: 'off' }, ['fsync=off']],
  [{ full_page_writes: 'off' }, ['full_page_writes=off']],
  [{ synchronous_commit: 'off' }, ['synchronous_commit=off']],
  [
    { synchronous_commit: 'local', synchronous_standby_names: '*' },
    ['synchronous_commit=local beside synchronous_standby_names'],
  ],
])('with %j what may lose commits is %j', (change, lossy) => {
  expect(lossySettings({ ...SAFE, ...change })).toEqual(lossy);
});

test('a server older than PostgreSQL 14 is refused', async () => {
  const settings = { ...SAFE, version_num: 130_020, version: '13.20' };
  const old = { run: <Row>() => Promise.resolve([settings as Row]) };

  await expect(checkServer(old, true)).rejects.toMatchObject({
    code: 'LOG_SERVER_TOO_OLD',
    message: expect.stringContaining('13.20'),
  });
});

test('a database that cannot be reached is unavailable, and nothing stays behind', async () => {
  const opening = openPostgresStore({ url: 'postgres://atone@127.0.0.1:1/none' });

  await expect(opening).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true });
});

test('a URL that cannot be read is refused, and its password is not repeated', async () => {
  const opening = openPostgresStore({ url: 'localhost secret' });

  const refusal: unknown = await opening.catch((cause: unknown) => cause);

  expect(refusal).toMatchObject({ code: 'LOG_URL_INVALID', message: expect.not.stringContaining('secret') });
  expect(inspect(refusal)).not.toContain('localhost secret');
});

test('options that the URL holds are kept beside our own', async () => {
  const url = `${database.url}?options=${encodeURIComponent('-c enable_seqscan=on')}`;
  const pool = new HotPool({ url, applicationName: 'test', connectionCountMax: 1 });

  const rows = await pool.run(
    {
      name: 'settings',
      text: `select current_setting('enable_seqscan') as seqscan, current_setting('jit') as jit`,
    },
    [],
  );

  await pool.close();
  expect(rows).toEqual([{ seqscan: 'off', jit: 'off' }]);
});

test('the entities describe the tables as they are', async () => {
  await open();
  const dataSource = createDataSource({ url: database.url, applicationName: 'test', connectionCountMax: 1 });
  await dataSource.initialize();
  try {
    const { rows } = await side.query<{ table_name: string; column_name: string; is_nullable: string }>(`
      select table_name, column_name, is_nullable
      from information_schema.columns
      where table_schema = 'atone'`);

    for (const { tableName, columns: described } of dataSource.entityMetadatas) {
      const found = rows.filter((row) => row.table_name === tableName);
      expect(described.map((column) => `${column.databaseName} ${column.isNullable}`).toSorted()).toEqual(
        found.map((row) => `${row.column_name} ${row.is_nullable === 'YES'}`).toSorted(),
      );
    }
  } finally {
    await dataSource.destroy();
  }
});

test('a coordinator of the version before proves that it lives, and is seen to have told nothing of itself', async () => {
  const store = await open();
  // As that version has it.
  const renew = `
    insert into atone.instance as i (instance_id, started_at, lease_until)
    values ($1, now(), now() + $2::float8 * interval '1 millisecond')
    on conflict (instance_id) do update
    set lease_until = excluded.lease_until`;
  const former = '00000000-0000-4000-8000-0000000000f0';

  await side.query(renew, [former, 6_000]);
  await side.query(renew, [former, 6_000]);

  expect(await store.log.instances()).toMatchObject([
    { instanceId: former, isLive: true, drivenCount: 0, facts: undefined },
  ]);
});

test.each([
  ['nothing that is known', '[]'],
  ['a version that is none', '{ "version": 2, "format": 1 }'],
])('an instance that tells %s of itself is shown without', async (_what, facts) => {
  const store = await open();
  const newer = '00000000-0000-4000-8000-0000000000f1';
  await store.log.renewLease(newer, 6_000);

  await side.query('update atone.instance set facts = $1', [facts]);

  expect(await store.log.instances()).toMatchObject([{ instanceId: newer, facts: undefined }]);
});
