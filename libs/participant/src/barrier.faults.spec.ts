import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { setFailpointHook, type BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Pool, type PoolClient } from 'pg';
import { migrateBarrier } from './barrier.install.js';
import { createPortJanitor } from './barrier.janitor.js';
import { RefusedError } from './contract.js';
import { createPortDoubtSweeper } from './doubt.sweeper.js';
import { PARTICIPANT_FAILPOINTS } from './failpoints.js';
import { createParticipant, type Participant } from './participant.js';
import { pgDatabase } from './pg/pg.database.js';
import type { LocalDatabase } from './database.port.js';
import { FakeDoubts } from './testing/doubts.fake.js';
import {
  command,
  CREATE_LEDGER,
  createLedger,
  entriesOf,
  LED_CLOCK,
  LED_RANDOM,
  ledCommand,
  ledNext,
  next,
  type Ledger,
} from './testing/ledger.fixture.js';
import { openPool } from './testing/pool.fixture.js';

let testDatabase: TestDatabase;
let pool: Pool;
let database: LocalDatabase<PoolClient>;
let ledger: Ledger<PoolClient>;
let participant: Participant;

const entries = (of: BranchCommand) => entriesOf(database, of);
const makeParticipant = () => createParticipant({ service: 'ledger', database, handlers: [ledger.handler] });
const leader = () =>
  createParticipant({
    service: 'ledger',
    database,
    handlers: [ledger.tryHandler],
    clock: LED_CLOCK,
    random: LED_RANDOM,
  });
const SWEEPER_PORTS = {
  clock: { setTimer: () => ({ cancel: () => undefined }) },
  random: { next: () => 0, bytes: LED_RANDOM.bytes },
};
const UNKNOWN = { outcome: 'unknown', error: { class: 'error', message: expect.any(String) } };

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  pool = openPool(testDatabase.url);
  database = pgDatabase(pool);
  await migrateBarrier(database);
  await pool.query(CREATE_LEDGER);
});

afterAll(async () => {
  await pool.end();
  await testDatabase.drop();
});

beforeEach(() => {
  ledger = createLedger(database);
  participant = makeParticipant();
});

afterEach(() => setFailpointHook(undefined));

/** Makes the next arrival at `name` fail. */
function failOnceAt(name: string): void {
  setFailpointHook((reached) => {
    if (reached === name) {
      setFailpointHook(undefined);
      throw new Error('crashed here');
    }
  });
}

const OF_A_BRANCH = PARTICIPANT_FAILPOINTS.filter((name) =>
  /^participant\.(action|compensate)\./u.test(name),
);

describe.each(OF_A_BRANCH)('a crash at %s', (name) => {
  test('leaves all or nothing, and the repeat gets to the one answer', async () => {
    const book = command();
    const undo = next(book, 'compensate');
    const isUndo = name.startsWith('participant.compensate');
    if (isUndo) {
      await participant.execute(book);
    }
    failOnceAt(name);

    const crashed = await participant.execute(isUndo ? undo : book);

    const between = await entries(book);
    const isCommitted = name.endsWith('beforeReply');
    const after = isUndo ? [5, -5] : [5];
    expect(crashed).toEqual(UNKNOWN);
    expect(between).toEqual(isCommitted ? after : after.slice(0, -1));
    expect((await participant.execute(isUndo ? undo : book)).outcome).toBe(isUndo ? 'undone' : 'done');
    expect(await entries(book)).toEqual(after);
  });

  test('leaves no row behind that a refusal or an undo would stumble over', async () => {
    const book = command();
    const undo = next(book, 'compensate');
    ledger.refusal = 'no funds';
    failOnceAt(name);
    await participant.execute(book);

    const refused = await participant.execute(book);

    await participant.execute(undo);
    expect(refused).toMatchObject({ outcome: 'refused' });
    expect(await participant.execute(undo)).toEqual({ outcome: 'undone', wasEmpty: true });
    expect(await entries(book)).toEqual([]);
  });
});

describe.each(PARTICIPANT_FAILPOINTS.filter((name) => name.startsWith('participant.confirm.')))(
  'a crash at %s',
  (name) => {
    test('confirms all or nothing, and the repeat gets to the one answer', async () => {
      const hold = ledCommand();
      const confirm = ledNext(hold, 'confirm');
      await leader().execute(hold);
      failOnceAt(name);

      const crashed = await leader().execute(confirm);

      const between = await entries(hold);
      expect(crashed).toEqual(UNKNOWN);
      expect(between).toEqual(name.endsWith('beforeReply') ? [5, 0] : [5]);
      expect(await leader().execute(confirm)).toEqual({ outcome: 'confirmed' });
      expect(await entries(hold)).toEqual([5, 0]);
    });
  },
);

describe.each(PARTICIPANT_FAILPOINTS.filter((name) => name.startsWith('participant.doubt.')))(
  'a crash at %s',
  (name) => {
    test('ends nothing, and the next question does', async () => {
      const hold = ledCommand({ remainingMs: 0.001 });
      await leader().execute(hold);
      const doubts = new FakeDoubts();
      doubts.say(hold.gid, 'undo');
      const sweeper = createPortDoubtSweeper({ participant: leader(), database, doubts }, SWEEPER_PORTS);
      failOnceAt(name);

      await expect(sweeper.pass()).rejects.toThrow('crashed here');

      expect(await entries(hold)).toEqual([5]);
      expect(await sweeper.pass()).toMatchObject({ undone: 1 });
      expect(await entries(hold)).toEqual([5, -5]);
    });
  },
);

describe('a lost connection', () => {
  test('in the middle of an action leaves nothing, and the repeat runs', async () => {
    const book = command();
    const killed = createParticipant<PoolClient>({
      service: 'ledger',
      database,
      handlers: [
        {
          ...ledger.handler,
          async run(input, branch) {
            const output = await ledger.handler.run(input, branch);
            await killOwn(branch.transaction);
            return output;
          },
        },
      ],
    });

    const reply = await killed.execute(book);

    expect(reply).toEqual(UNKNOWN);
    expect(await entries(book)).toEqual([]);
    expect(await participant.execute(book)).toMatchObject({ outcome: 'done' });
  });

  test('in the middle of a compensation leaves it to be done', async () => {
    const book = command();
    await participant.execute(book);
    const killed = createParticipant<PoolClient>({
      service: 'ledger',
      database,
      handlers: [{ ...ledger.handler, compensate: ({ transaction }) => killOwn(transaction) }],
    });

    const reply = await killed.execute(next(book, 'compensate'));

    expect(reply).toEqual(UNKNOWN);
    expect(await participant.execute(next(book, 'compensate'))).toEqual({
      outcome: 'undone',
      wasEmpty: false,
    });
    expect(await entries(book)).toEqual([5, -5]);
  });

  test('a database that is not there makes every answer unknown', async () => {
    const nowhere = new Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/none' });
    const cutOff = createParticipant({
      service: 'ledger',
      database: pgDatabase(nowhere),
      handlers: [ledger.handler],
    });

    expect(await cutOff.execute(command())).toEqual(UNKNOWN);
    await nowhere.end();
  });
});

test('an action whose deferred constraint fails at the commit leaves nothing', async () => {
  const book = command();
  await pool.query(`
    create table if not exists owner (id integer primary key);
    create table if not exists owned (owner_id integer references owner deferrable initially deferred)`);
  const dangling = createParticipant<PoolClient>({
    service: 'ledger',
    database,
    handlers: [
      {
        ...ledger.handler,
        async run(_input, { transaction }) {
          await transaction.query('insert into owned values (1)');
          return { balance: 0 };
        },
      },
    ],
  });

  expect(await dangling.execute(book)).toEqual(UNKNOWN);
  expect(await participant.execute(next(book, 'compensate'))).toEqual({ outcome: 'undone', wasEmpty: true });
});

test('actions that all read through a connection more do not starve each other', async () => {
  ledger.afterWrite = async () => {
    await pool.query('select count(*) from entry');
  };

  const replies = await Promise.all(Array.from({ length: 40 }, () => participant.execute(command())));

  expect(new Set(replies.map(({ outcome }) => outcome))).toEqual(new Set(['done']));
});

test('a refusal that no reply could carry is a mistake of the code, and is not stored', async () => {
  const book = command();
  const talkative = createParticipant<PoolClient>({
    service: 'ledger',
    database,
    handlers: [
      { ...ledger.handler, run: () => Promise.reject(new RefusedError('no', { text: 'x'.repeat(60_000) })) },
    ],
  });

  expect(await talkative.execute(book)).toMatchObject({ outcome: 'unknown', error: { class: 'code' } });
  expect(await participant.execute(book)).toMatchObject({ outcome: 'done' });
});

test('the duplicate of a refused action that comes after the abort does nothing', async () => {
  const book = command();
  ledger.refusal = 'no funds';
  const replies: BranchReply[] = [await participant.execute(book)];
  ledger.refusal = undefined;
  replies.push(await participant.execute(next(book, 'compensate')));

  replies.push(await participant.execute(book), await participant.execute({ ...book, round: 2 }));

  expect(replies.map(({ outcome }) => outcome)).toEqual([
    'refused',
    'undone',
    'already-undone',
    'already-undone',
  ]);
  expect(ledger.runCount).toBe(1);
});

test('an undo that gets in between a refusal and its storing is the answer', async () => {
  const book = command();
  ledger.refusal = 'no funds';
  const other = makeParticipant();
  let undone: Promise<BranchReply> | undefined;
  ledger.afterWrite = () => {
    // It waits for the row that the action has just written, and has it as soon as the refusal lets it go.
    undone ??= other.execute(next(book, 'compensate'));
    return waitUntilBlocked();
  };

  const reply = await participant.execute(book);

  const undo = await undone;
  const late = await participant.execute(book);
  expect(undo).toEqual({ outcome: 'undone', wasEmpty: true });
  expect(['refused', 'already-undone']).toContain(reply.outcome);
  expect(late).toEqual({ outcome: 'already-undone' });
  expect(await entries(book)).toEqual([]);
});

test('a handler that ended its transaction behind the back of all is found out by every later command', async () => {
  const book = command();
  await pool.query(
    `insert into atone.barrier (gid, branch_id, service, action, round, input_hash, state)
     values ($1, '1', 'ledger', 'book', 1, sha256(''), 'running')`,
    [book.gid],
  );

  const ops = ['compensate', 'close-action', 'close-compensate'] as const;
  const replies = await Promise.all(
    [{ ...book, round: 2 }, ...ops.map((op) => next(book, op))].map((one) => participant.execute(one)),
  );

  expect(replies.map((reply) => reply.outcome === 'unknown' && reply.error.class)).toEqual(
    Array.from({ length: 4 }, () => 'code'),
  );
});

test.each([
  ['done without an output', "'done', null, 1, null"],
  ['undone without a mark', "'undone', null, 0, 1"],
  ['empty with an output', "'undone', true, 0, 1, '{}'"],
  ['refused without a refusal', "'refused', null, 1, null"],
  ['in a state of its own', "'odd', null, 1, null"],
])('the table cannot hold a branch that is %s', async (_title, values) => {
  const columns = `gid, branch_id, service, action, input_hash, state, was_empty, round, undo_round${values.includes('{}') ? ', output' : ''}`;
  const insert = `insert into atone.barrier (${columns}) values (gen_random_uuid(), '1', 's', 'a', sha256(''), ${values})`;

  await expect(pool.query(insert)).rejects.toMatchObject({ code: '23514' });
});

async function waitUntilBlocked(): Promise<void> {
  const blocked =
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%atone.barrier%'";
  for (let tries = 0; tries < 200; tries += 1) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the count ends
    const { rows } = await pool.query(blocked);
    if (rows.length > 0) {
      return;
    }
  }
}

async function killOwn(transaction: PoolClient): Promise<void> {
  await transaction.query('select pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
}

/** The last test here: from its mark on whatever comes has to be asked about. */
test('a crash in the removal of rows leaves them and the mark as they were, and the next pass removes them', async () => {
  const book = command();
  await participant.execute(book);
  const janitor = createPortJanitor(
    {
      service: 'ledger',
      database,
      endings: {
        endings: async (gids) => gids.map((gid) => ({ gid, isLive: false, endedForMs: 86_400_000 })),
      },
    },
    { clock: { setTimer: () => ({ cancel: () => undefined }) }, random: { next: () => 0.5 } },
  );
  failOnceAt('participant.removal.beforeCommit');

  await expect(janitor.pass()).rejects.toThrow('crashed here');

  expect((await participant.execute(book)).outcome).toBe('done');
  expect((await janitor.pass()).removedCount).toBeGreaterThan(0);
  expect((await participant.execute(book)).outcome).toBe('unknown');
});
