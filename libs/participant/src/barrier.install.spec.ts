import { readFile } from 'node:fs/promises';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Pool, PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { BARRIER_STEPS, UNINSTALL_BARRIER } from './barrier.ddl.js';
import { checkBarrier, migrateBarrier } from './barrier.install.js';
import { insertLedRefused, type LedCall } from './barrier.led.js';
import { removeRows } from './barrier.mark.js';
import {
  InstallBarrier1763800000000,
  InstallBarrierLed1764200000000,
  InstallBarrierMark1764000000000,
  InstallBarrierTimeout1764400000000,
} from './typeorm/barrier.migration.js';
import type { LocalDatabase } from './database.port.js';
import { pgDatabase } from './pg/pg.database.js';
import { openPool } from './testing/pool.fixture.js';

let testDatabase: TestDatabase;
let pool: Pool;
let database: LocalDatabase<PoolClient>;

beforeEach(async () => {
  testDatabase = await createTestDatabase();
  pool = openPool(testDatabase.url);
  database = pgDatabase(pool);
});

afterEach(async () => {
  await pool.end();
  await testDatabase.drop();
});

const sqlFile = (name: string) => readFile(new URL(`../sql/${name}`, import.meta.url), 'utf8');
const statementsOf = (text: string) =>
  text
    .replaceAll(/^--.*\n/gmu, '')
    .split(/;\n/u)
    .map((statement) => statement.trim())
    .filter((statement) => !['', 'begin', 'commit'].includes(statement));

test('a database without the table is told of, with the ways to install it', async () => {
  await expect(checkBarrier(database)).rejects.toMatchObject({
    name: 'BarrierMissingError',
    code: 'BARRIER_MISSING',
    message: expect.stringMatching(
      /-f \S+barrier\.v1\.sql -f \S+barrier\.v2\.sql -f \S+barrier\.v3\.sql -f \S+barrier\.v4\.sql.*InstallBarrier1763800000000 and InstallBarrierMark1764000000000 and InstallBarrierLed1764200000000 and InstallBarrierTimeout1764400000000.*barrier: \{ migrate: true \}/u,
    ),
  });
});

test('three services that install it at once all succeed, and again later', async () => {
  await Promise.all([1, 2, 3].map(() => migrateBarrier(database)));
  await migrateBarrier(database);

  await expect(checkBarrier(database)).resolves.toBeUndefined();
});

test('a table that is newer, and says that this library can work with it, is taken as it is', async () => {
  await migrateBarrier(database);
  await pool.query('update atone.barrier_version set version = 5, compatible_from = 4');

  await checkBarrier(database);
  await migrateBarrier(database);

  const { rows } = await pool.query('select version from atone.barrier_version');
  expect(rows).toEqual([{ version: 5 }]);
});

test('all its constraints have been checked against the rows that were there', async () => {
  await migrateBarrier(database);

  const { rows } = await pool.query(
    `select conname from pg_constraint where connamespace = 'atone'::regnamespace and not convalidated`,
  );

  expect(rows).toEqual([]);
});

test('the version that adds the whole time reads the table in a transaction of its own', async () => {
  for (const name of ['barrier.v1.sql', 'barrier.v2.sql', 'barrier.v3.sql']) {
    // oxlint-disable-next-line no-await-in-loop -- each needs the one before
    await pool.query(await sqlFile(name));
  }
  const transactions: string[][] = [];
  const watched: LocalDatabase<PoolClient> = {
    ...database,
    transaction: async (work) =>
      database.transaction(async (open) => {
        const statements: string[] = [];
        transactions.push(statements);
        const execute: typeof open.sql.execute = async (text, params) => {
          statements.push(text);
          return open.sql.execute(text, params);
        };
        return work({ ...open, sql: { ...open.sql, execute } });
      }),
  };

  await migrateBarrier(watched);

  expect(transactions).toHaveLength(2);
  expect(transactions[1]).toEqual([expect.stringContaining('validate constraint')]);
});

test('a table that is newer is refused by check and install, with what to do', async () => {
  await migrateBarrier(database);
  await pool.query('update atone.barrier_version set version = 5, compatible_from = 5');
  const refusal = {
    name: 'BarrierOutdatedError',
    message: expect.stringContaining('Update @atone/participant'),
    versions: { found: 5, needed: 4 },
  };

  await expect(checkBarrier(database)).rejects.toMatchObject(refusal);
  await expect(migrateBarrier(database)).rejects.toMatchObject(refusal);
});

describe('a table of version 1', () => {
  beforeEach(async () => {
    await pool.query(await sqlFile('barrier.v1.sql'));
    await pool.query(
      `insert into atone.barrier (gid, branch_id, service, action, round, undo_round, was_empty, state)
       values ('0193d6c0-0000-7000-8000-000000000001', '1', 'stock', 'reserve', 0, 1, true, 'undone')`,
    );
  });

  test('is refused by check, naming only what is missing', async () => {
    await expect(checkBarrier(database)).rejects.toMatchObject({
      name: 'BarrierOutdatedError',
      message: expect.stringMatching(/up to date.*barrier\.v2\.sql.*InstallBarrierMark1764000000000/u),
      versions: { found: 1, needed: 4 },
    });
    await expect(checkBarrier(database)).rejects.not.toMatchObject({
      message: expect.stringContaining('barrier.v1.sql'),
    });
  });

  test.each<[string, () => Promise<unknown>]>([
    ['by three services at once', () => Promise.all([1, 2, 3].map(() => migrateBarrier(database)))],
    [
      'by its SQL files',
      async () => {
        await pool.query(await sqlFile('barrier.v2.sql'));
        await pool.query(await sqlFile('barrier.v3.sql'));
        await pool.query(await sqlFile('barrier.v4.sql'));
      },
    ],
  ])('is brought up to date %s, and keeps its rows', async (_title, upgrade) => {
    await upgrade();

    await checkBarrier(database);
    const { rows } = await pool.query(
      'select state, (select count(*)::int from atone.barrier_mark) from atone.barrier',
    );
    expect(rows).toEqual([{ state: 'undone', count: 0 }]);
  });
});

interface RoleView {
  readonly client: PoolClient;
  readonly database: LocalDatabase<PoolClient>;
}

/** Has a role there for each test, and returns the way to the database as it sees it once it is set. */
function withRole(role: string): () => RoleView {
  let view: RoleView;

  beforeEach(async () => {
    const client = await pool.connect();
    await client.query('begin');
    // In a transaction that is never committed: roles belong to the server, which other tests use as well.
    await client.query(`do $$ begin create role ${role}; exception when duplicate_object then null; end $$`);
    const open = { transaction: client, sql: database.session(client), seal: () => undefined };
    view = { client, database: { ...database, transaction: (work) => work(open) } };
  });

  afterEach(async () => {
    await view.client.query('rollback');
    view.client.release();
  });

  return () => view;
}

describe('a role that is named like the schema of Atone', () => {
  const asRole = withRole('atone');

  beforeEach(() => asRole().client.query('set local role atone'));

  test.each([
    ['check', checkBarrier, '"$user", public'],
    ['install', migrateBarrier, '"$user", public'],
    ['check', checkBarrier, '$user,public'],
  ])('is refused by %s while it would lose sight of its own tables', async (_title, act, searchPath) => {
    await asRole().client.query("select set_config('search_path', $1, true)", [searchPath]);

    await expect(act(asRole().database)).rejects.toMatchObject({
      name: 'MisuseError',
      message: expect.stringMatching(/another role.*alter role atone set search_path = public/u),
    });
  });

  test.each(['public', 'public, "$user"', '"$users"'])('may search %s', async (searchPath) => {
    await asRole().client.query("select set_config('search_path', $1, true)", [searchPath]);

    await expect(checkBarrier(asRole().database)).rejects.toThrow('is missing');
  });
});

describe('a role with few rights', () => {
  const asRole = withRole('"the shop"');
  const USE = [
    'grant select on atone.barrier_mark to "the shop"',
    'grant select on atone.barrier_version to "the shop"',
    'grant select, insert, update on atone.barrier to "the shop"',
    'grant usage on schema atone to "the shop"',
  ];
  const REMOVE = [
    'grant delete on atone.barrier to "the shop"',
    'grant insert, update on atone.barrier_mark to "the shop"',
  ];

  async function granted(statements: readonly string[]): Promise<LocalDatabase<PoolClient>> {
    await migrateBarrier(database);
    await asRole().client.query([...statements, 'set local role "the shop"'].join(';'));
    return asRole().database;
  }

  test.each<[string, { has: readonly string[]; cleanUp: boolean; lacks: readonly string[] }]>([
    ['none at all', { has: [], cleanUp: false, lacks: USE }],
    ['the mark out of sight', { has: USE.slice(1), cleanUp: false, lacks: USE.slice(0, 1) }],
    ['rows to remove', { has: USE, cleanUp: true, lacks: REMOVE }],
  ])('(%s) is refused, with the grants that it lacks', async (_title, { has, cleanUp, lacks }) => {
    const asShop = await granted(has);

    await expect(checkBarrier(asShop, { cleanUp })).rejects.toMatchObject({
      name: 'MisuseError',
      message: expect.stringContaining(`run \`${lacks.join('; ')}\`,`),
    });
  });

  test.each([
    ['use the barrier', USE, false],
    ['remove its rows', [...USE, ...REMOVE], true],
  ])('is enough to %s', async (_title, statements, cleanUp) => {
    const asShop = await granted(statements);

    await expect(checkBarrier(asShop, { cleanUp })).resolves.toBeUndefined();
  });
});

const LED_CALL: LedCall = {
  gid: '0193d6c0-0000-7000-8000-000000000001',
  branchId: '1',
  service: 'stock',
  action: 'reserve',
  round: 1,
  input: null,
  led: {
    kind: 'tcc',
    nonce: 'abcdefgh',
    secretHash: 'ab'.repeat(32),
    epoch: 1,
    initiator: 'shop',
    remainingMs: 1_000,
  },
};

describe('the migrations for TypeORM', () => {
  let dataSource: DataSource;

  beforeEach(async () => {
    dataSource = new DataSource({
      type: 'postgres',
      url: testDatabase.url,
      migrations: [
        InstallBarrier1763800000000,
        InstallBarrierMark1764000000000,
        InstallBarrierLed1764200000000,
        InstallBarrierTimeout1764400000000,
      ],
    });
    await dataSource.initialize();
    await dataSource.runMigrations();
  });

  afterEach(() => dataSource.destroy());

  test('install it step by step, and remove it again', async () => {
    await checkBarrier(database);
    await dataSource.undoLastMigration();
    await expect(checkBarrier(database)).rejects.toMatchObject({ versions: { found: 3 } });
    await dataSource.undoLastMigration();
    await expect(checkBarrier(database)).rejects.toMatchObject({ versions: { found: 2 } });
    await dataSource.undoLastMigration();
    await expect(checkBarrier(database)).rejects.toMatchObject({ versions: { found: 1 } });
    await dataSource.undoLastMigration();

    await expect(checkBarrier(database)).rejects.toThrow('is missing');
  });

  test('keep what led transactions need until none of their branches is left', async () => {
    await database.transaction(({ sql }) => insertLedRefused(sql, LED_CALL, { reason: 'no funds' }));
    await dataSource.undoLastMigration();

    await expect(dataSource.undoLastMigration()).rejects.toThrow(/branches of led transactions.*Wait/u);

    await expect(checkBarrier(database)).rejects.toMatchObject({ versions: { found: 3 } });
    await pool.query('delete from atone.barrier');
    await dataSource.undoLastMigration();
    await expect(checkBarrier(database)).rejects.toMatchObject({ versions: { found: 2 } });
  });

  test.each(['each', 'none'] as const)(
    'keep the mark of rows that are gone, with what to do (transaction: %s)',
    async (transaction) => {
      await database.transaction(({ sql }) =>
        removeRows(sql, 'stock', ['0193d6c0-0000-7000-8000-000000000001']),
      );
      await dataSource.undoLastMigration({ transaction });
      await dataSource.undoLastMigration({ transaction });

      await expect(dataSource.undoLastMigration({ transaction })).rejects.toThrow(
        /late duplicate.*delete from atone\.barrier_mark/u,
      );

      await expect(checkBarrier(database)).rejects.toMatchObject({ versions: { found: 2 } });
      await pool.query('delete from atone.barrier_mark');
      await dataSource.undoLastMigration({ transaction });
      await expect(checkBarrier(database)).rejects.toMatchObject({ versions: { found: 1 } });
    },
  );
});

test('the SQL files install it, and remove it again', async () => {
  await pool.query(await sqlFile('barrier.v1.sql'));
  await pool.query(await sqlFile('barrier.v2.sql'));
  await pool.query(await sqlFile('barrier.v3.sql'));
  await pool.query(await sqlFile('barrier.v4.sql'));
  await checkBarrier(database);
  await pool.query(await sqlFile('barrier.uninstall.sql'));

  await expect(checkBarrier(database)).rejects.toThrow('is missing');
});

test('the SQL files say what the library itself would do', async () => {
  const files = ['barrier.v1.sql', 'barrier.v2.sql', 'barrier.v3.sql', 'barrier.v4.sql'].map(async (name) =>
    statementsOf(await sqlFile(name)),
  );

  expect(await Promise.all(files)).toEqual(BARRIER_STEPS);
  expect(statementsOf(await sqlFile('barrier.uninstall.sql'))).toEqual(UNINSTALL_BARRIER);
});
