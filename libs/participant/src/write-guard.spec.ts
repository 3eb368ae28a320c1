import { EventEmitter, once } from 'node:events';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Pool, PoolClient } from 'pg';
import { DataSource, EntitySchema, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { migrateBarrier } from './barrier.install.js';
import { action, contract, type ActionHandler } from './contract.js';
import type { LocalDatabase } from './database.port.js';
import { createParticipant } from './participant.js';
import { guardDataSource } from './data-source.guard.js';
import { pgDatabase } from './pg/pg.database.js';
import { guardPool } from './pg/pg.guard.js';
import { command, next } from './testing/ledger.fixture.js';
import { typeormDatabase } from './typeorm/typeorm.database.js';
import { openPool } from './testing/pool.fixture.js';

interface Note {
  id: number;
  text: string;
}

const noteSchema = new EntitySchema<Note>({
  name: 'note',
  columns: { id: { type: Number, primary: true }, text: { type: String } },
});

const notes = contract('notes', { write: action({ input: z.null(), output: z.void() }) });

const CREATE = 'create table note (id integer primary key, text text not null)';

/** Runs `work` as an action, and tells the reply and which notes are there afterwards. */
async function act<Transaction>(
  database: LocalDatabase<Transaction>,
  work: (transaction: Transaction) => Promise<unknown>,
  undo?: ActionHandler<Transaction>['compensate'],
): Promise<{ reply: unknown; undone?: unknown; texts: unknown[] }> {
  const participant = createParticipant<Transaction>({
    service: 'notes',
    database,
    handlers: [
      { contract: notes.write, run: (_input, { transaction }) => work(transaction), compensate: undo },
    ],
  });
  const write = command({ service: 'notes', action: 'write', input: null });
  const reply = await participant.execute(write);
  const undone =
    undo && (await participant.execute(next(write, 'compensate', { service: 'notes', action: 'write' })));
  const { rows } = await database.transaction(({ sql }) => sql.execute('select text from note order by id'));
  return { reply, ...(undo && { undone }), texts: rows.map((row) => row['text']) };
}

const refused = (word: string, where = 'branch.transaction') => ({
  outcome: 'unknown',
  error: {
    class: 'code',
    message: expect.stringMatching(new RegExp(`${word}.*Write through ${where}:`, 'u')),
  },
});

const DONE = { outcome: 'done', output: null };

describe('over TypeORM', () => {
  let testDatabase: TestDatabase;
  let dataSource: DataSource;
  let database: LocalDatabase<EntityManager>;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    dataSource = new DataSource({ type: 'postgres', url: testDatabase.url, entities: [noteSchema] });
    await dataSource.initialize();
    typeormDatabase(dataSource);
    database = typeormDatabase(dataSource);
    await migrateBarrier(database);
    await dataSource.query(CREATE);
  });

  afterAll(async () => {
    await dataSource.destroy();
    await testDatabase.drop();
  });

  beforeEach(() => dataSource.query('delete from note'));

  const ways: [string, string, () => Promise<unknown>][] = [
    ['save of an injected repository', 'INSERT', () => repository().save({ id: 1, text: 'past' })],
    ['insert of an injected repository', 'INSERT', () => repository().insert({ id: 1, text: 'past' })],
    ['update of an injected repository', 'UPDATE', () => repository().update({ id: 1 }, { text: 'past' })],
    ['delete of an injected repository', 'DELETE', () => repository().delete({ id: 1 })],
    ['query of a repository', 'DELETE', () => repository().query('delete from note')],
    ['query of the data source', 'TRUNCATE', () => dataSource.query('truncate note')],
    [
      'a query builder',
      'INSERT',
      () =>
        dataSource.createQueryBuilder().insert().into(noteSchema).values({ id: 1, text: 'past' }).execute(),
    ],
    [
      'a transaction of its own',
      'INSERT',
      () =>
        dataSource.transaction((manager) =>
          manager.getRepository(noteSchema).insert({ id: 1, text: 'past' }),
        ),
    ],
    [
      'a query runner of its own',
      'INSERT',
      async () => {
        const runner = dataSource.createQueryRunner();
        await runner.query("insert into note values (1, 'past')").finally(() => runner.release());
      },
    ],
  ];
  const repository = () => dataSource.getRepository(noteSchema);

  test.each(ways)(
    'an action that writes by %s fails, and nothing is written',
    async (_title, word, write) => {
      const outcome = await act(database, write);

      expect(outcome).toEqual({ reply: refused(word), texts: [] });
    },
  );

  test.each(ways)(
    'so does an action that catches the error of %s and goes on',
    async (_title, word, write) => {
      const outcome = await act(database, async (manager) => {
        await manager.getRepository(noteSchema).insert({ id: 2, text: 'inside' });
        await write().catch(() => undefined);
      });

      expect(outcome).toEqual({ reply: refused(word), texts: [] });
    },
  );

  test('a compensation is held to the same', async () => {
    const outcome = await act(
      database,
      (manager) => manager.getRepository(noteSchema).insert({ id: 2, text: 'inside' }),
      async () => {
        await repository().delete({ id: 2 });
      },
    );

    expect(outcome).toEqual({
      reply: DONE,
      undone: refused('DELETE', 'undo.transaction'),
      texts: ['inside'],
    });
  });

  test('an action reads where it likes, and writes through its own manager in every way', async () => {
    const outcome = await act(database, async (manager) => {
      await repository().find();
      await dataSource.query('select * from note for update');
      await manager.getRepository(noteSchema).save({ id: 1, text: 'saved' });
      await manager.query("insert into note values (2, 'queried')");
      await manager.transaction((nested) =>
        nested.getRepository(noteSchema).insert({ id: 3, text: 'nested' }),
      );
      await manager
        .transaction(async (nested) => {
          await nested.getRepository(noteSchema).insert({ id: 4, text: 'lost' });
          throw new Error('taken back');
        })
        .catch(() => undefined);
    });

    expect(outcome).toEqual({ reply: DONE, texts: ['saved', 'queried', 'nested'] });
  });

  test('an action that writes by another data source, which was guarded, fails', async () => {
    const other = await new DataSource({ type: 'postgres', url: testDatabase.url }).initialize();
    guardDataSource(other);
    const outcome = await act(database, () => other.query('truncate note').finally(() => other.destroy()));

    expect(outcome).toEqual({ reply: refused('TRUNCATE'), texts: [] });
  });

  test('outside of actions everybody writes as ever', async () => {
    await repository().save({ id: 1, text: 'free' });
    await dataSource.transaction((manager) =>
      manager.getRepository(noteSchema).insert({ id: 2, text: 'free' }),
    );

    expect(await repository().count()).toBe(2);
  });

  test('a timer that outlives its action writes as ever', async () => {
    let late: Promise<unknown> | undefined;
    await act(database, async () => {
      late = new Promise((resolve, reject) => {
        setTimeout(() => repository().insert({ id: 1, text: 'late' }).then(resolve, reject), 50);
      });
    });

    await late;

    expect(await repository().count()).toBe(1);
  });

  test('an action that does not await a statement fails', async () => {
    const floating: Promise<unknown>[] = [];
    const { reply, texts } = await act(database, async (manager) => {
      floating.push(manager.query("insert into note select 1, 'floating' from pg_sleep(0.05)"));
    });

    await Promise.allSettled(floating);
    expect(reply).toMatchObject({
      error: { class: 'code', message: expect.stringContaining('Await every') },
    });
    expect(texts).toEqual([]);
  });

  test('an action that commits by its query runner fails, and nothing is written', async () => {
    const outcome = await act(database, async (manager) => {
      await manager.query("insert into note values (1, 'early')");
      await manager.queryRunner?.commitTransaction();
    });

    expect(outcome.reply).toMatchObject({ error: { class: 'code' } });
    expect(outcome.texts).toEqual([]);
  });

  test('a root manager is no transaction, and the error says what to pass', () => {
    expect(() => database.session(dataSource.manager)).toThrow('Pass branch.transaction');
  });

  test('a manager is no data source, nor is one of another database', () => {
    const other = { createQueryRunner: () => undefined, options: { type: 'sqljs' } } as unknown as DataSource;

    expect(() => typeormDatabase(dataSource.manager as unknown as DataSource)).toThrow(
      'needs the DataSource',
    );
    expect(() => typeormDatabase(other)).toThrow("of type 'sqljs'");
  });
});

describe('over pg', () => {
  let testDatabase: TestDatabase;
  let pool: Pool;
  let database: LocalDatabase<PoolClient>;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    pool = openPool(testDatabase.url, 4);
    pgDatabase(pool);
    database = pgDatabase(pool);
    await migrateBarrier(database);
    await pool.query(CREATE);
  });

  afterAll(async () => {
    await pool.end();
    await testDatabase.drop();
  });

  beforeEach(() => pool.query('delete from note'));

  const INSERT = "insert into note values (1, 'past')";
  const withClient = async (write: (client: PoolClient) => Promise<unknown>) => {
    const client = await pool.connect();
    await write(client).finally(() => client.release());
  };
  const ways: [string, () => Promise<unknown>][] = [
    ['the pool', () => pool.query(INSERT)],
    ['the pool, with a config', () => pool.query({ text: INSERT })],
    [
      'the pool, with a callback',
      () =>
        new Promise<void>((resolve, reject) => {
          pool.query(INSERT, (error: Error | undefined) => (error ? reject(error) : resolve()));
        }),
    ],
    ['another client', () => withClient((client) => client.query(INSERT))],
    [
      'another client, with a callback',
      () =>
        new Promise<void>((resolve, reject) => {
          pool.connect((_error, client, done) => {
            client?.query(INSERT, (error: Error | undefined) => {
              done();
              return error ? reject(error) : resolve();
            });
          });
        }),
    ],
    [
      'a transaction of its own',
      () =>
        withClient(async (client) => {
          await client.query('begin');
          await client.query(INSERT).finally(() => client.query('rollback'));
        }),
    ],
  ];

  test.each(ways)(
    'an action that writes by %s fails, caught or not, and nothing is written',
    async (_title, write) => {
      const outcomes = [
        await act(database, write),
        await act(database, async (client) => {
          await client.query("insert into note values (2, 'inside')");
          await write().catch(() => undefined);
        }),
      ];

      expect(outcomes).toEqual([
        { reply: refused('INSERT'), texts: [] },
        { reply: refused('INSERT'), texts: [] },
      ]);
    },
  );

  test('an action that writes by another pool, which was guarded, fails', async () => {
    const other = openPool(testDatabase.url, 1);
    guardPool(other);

    const outcome = await act(database, () => other.query(INSERT).finally(() => other.end()));

    expect(outcome).toEqual({ reply: refused('INSERT'), texts: [] });
  });

  test('an action reads where it likes, and writes through its own client', async () => {
    const outcome = await act(database, async (client) => {
      await pool.query('select 1');
      await withClient((other) => other.query('select * from note'));
      await client.query("insert into note values (1, 'inside')");
    });

    expect(outcome).toEqual({ reply: DONE, texts: ['inside'] });
  });

  test('who waits for a connection that an action gives back is not taken for the action', async () => {
    const held = await Promise.all([pool.connect(), pool.connect()]);
    const waiter = new EventEmitter();
    const inserted = once(waiter, 'full').then(() => pool.query("insert into note values (9, 'of another')"));

    const { reply } = await act(database, () =>
      withClient(async (client) => {
        await client.query('select 1');
        // The pool has no more clients, so the waiter gets this one, from within the action.
        waiter.emit('full');
        await until(() => pool.waitingCount > 0);
      }),
    );

    expect(await inserted).toMatchObject({ rowCount: 1 });
    expect(reply).toEqual(DONE);
    for (const client of held) {
      client.release();
    }
  });

  test.each(['commit', 'rollback', 'begin', 'select 1; commit'])(
    'an action that sends %s fails, and nothing is written',
    async (statement) => {
      const outcome = await act(database, async (client) => {
        await client.query("insert into note values (1, 'early')");
        await client.query(statement).catch(() => undefined);
      });

      expect(outcome.reply).toMatchObject({ error: { class: 'code' } });
      expect(outcome.texts).toEqual([]);
    },
  );

  test('an action may use savepoints, and may not give its connection back', async () => {
    const saved = await act(database, async (client) => {
      await client.query("savepoint a; insert into note values (1, 'lost'); rollback to savepoint a");
      await client.query("insert into note values (2, 'kept')");
    });
    const released = await act(database, async (client) => {
      client.release();
    });

    expect(saved).toEqual({ reply: DONE, texts: ['kept'] });
    expect(released.reply).toMatchObject({ error: { class: 'code' } });
  });

  test('a pool is no transaction and a client is no pool, and the errors say what to pass', async () => {
    await withClient(async (client) => {
      expect(() => pgDatabase(client as unknown as Pool)).toThrow('needs a Pool');
    });

    expect(() => database.session(pool as unknown as PoolClient)).toThrow('Pass branch.transaction');
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
