import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { sentenceOf } from '../cli.error.js';
import { createProgram } from '../program.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';

describe('atone automatic', () => {
  let testDatabase: TestDatabase;
  let lines: string[];
  let hasWarned: boolean;

  beforeEach(async () => {
    testDatabase = await createTestDatabase();
    lines = [];
    hasWarned = false;
  });

  afterEach(() => testDatabase.drop());

  test('installs, attaches a table, and says that it is protected', async () => {
    await execute('create table orders (id integer primary key, cents integer)');

    await run('install');
    await run('attach', 'orders');
    await run('check');

    const said = lines.join('\n');
    expect(said).toMatch(/Attached orders\.[^]*public\.orders[^]*id[^]*any[^]*All of them are protected\./u);
    expect(hasWarned).toBe(false);
  });

  test('prints what it would do in an empty database, which then is installed', async () => {
    await run('install', '--print');

    await execute(lines.join('\n'));
    await run('check');

    expect(lines.at(-1)).toContain('No table is attached.');
  });

  test('warns of a table that is not protected any more, and says how to mend it', async () => {
    await execute('create table orders (id integer primary key)');
    await run('install');
    await run('attach', 'orders', '--writers', 'global-only');
    await execute('alter table orders disable trigger zzz_atone_capture');

    await run('check');

    expect(lines.at(-1)).toContain("select atone.attach('public.orders', 'global-only')");
    expect(hasWarned).toBe(true);
  });

  test('tells who holds which row', async () => {
    await execute('create table orders (id integer primary key); insert into orders values (7)');
    await run('install');
    await run('attach', 'orders');
    await run('held');
    const before = lines.at(-1);
    await execute(`
begin;
select set_config('atone.gid', '${GID}', true), set_config('atone.branch', '2', true);
delete from orders;
commit`);

    await run('held');

    expect(before).toBe('No row is held.');
    expect(lines.at(-1)).toMatch(new RegExp(`public\\.orders.*7.*${GID}.*2.*\\d{4}-\\d\\d-\\d\\dT`, 'u'));
  });

  test('detaches a table', async () => {
    await execute('create table orders (id integer primary key)');
    await run('install');
    await run('attach', 'orders');

    await run('detach', 'orders');
    await run('check');

    expect(lines.slice(-2)).toEqual(['Detached orders.', expect.stringContaining('No table is attached.')]);
  });

  test('gives roles what they need, whatever they are called', async () => {
    const role = `Run "${GID.slice(0, 8)}"`;
    const quoted = `"${role.replaceAll('"', '""')}"`;
    await execute(`create role ${quoted}`);

    await run('install', '--grant-run', role);
    await run('install', '--grant-read', role);

    const granted = await execute(
      `select has_table_privilege('${role}', 'atone.image', 'delete') as may_run, has_schema_privilege('${role}', 'atone_read', 'usage') as may_read`,
    );
    await execute(`drop owned by ${quoted}; drop role ${quoted}`);
    expect(granted).toEqual([{ may_run: true, may_read: true }]);
  });

  test.each([
    { args: ['check'], says: /missing in database.*installAutomatic/u },
    { args: ['attach', 'nothing'], isInstalled: true, says: /relation "nothing" does not exist/u },
    { args: ['attach', 'pg_class'], isInstalled: true, says: /it is not a table of yours/u },
    { args: ['detach', 'free'], isInstalled: true, says: /free is not attached/u },
  ])('says in a sentence why it cannot: $args', async ({ args, isInstalled = false, says }) => {
    await execute('create table free (id integer primary key)');
    await (isInstalled ? run('install') : undefined);

    const reason = await run(...args).then(String, sentenceOf);

    expect(reason).toMatch(says);
    expect(hasWarned).toBe(false);
  });

  test('asks for the database where none is named', async () => {
    const program = createProgram({
      output: { line: (text) => lines.push(text) },
      env: {},
      warn: () => undefined,
    });

    const reason = await program
      .parseAsync(['automatic', 'check'], { from: 'user' })
      .then(String, sentenceOf);

    expect(reason).toMatch(/^Which database\? Say --database-url/u);
  });

  async function run(...args: readonly string[]): Promise<void> {
    const program = createProgram({
      output: { line: (text) => lines.push(text) },
      env: { DATABASE_URL: testDatabase.url },
      warn() {
        hasWarned = true;
      },
    });
    await program.parseAsync(['automatic', ...args], { from: 'user' });
  }

  async function execute(statements: string): Promise<unknown> {
    const client = new Client({ connectionString: testDatabase.url });
    await client.connect();
    try {
      const { rows } = await client.query(statements);
      return rows;
    } finally {
      await client.end();
    }
  }
});
