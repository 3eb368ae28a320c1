import {
  action,
  contract,
  createParticipant,
  saga,
  type ActionHandler,
  type Barrier,
  type LocalDatabase,
} from '@atone/participant';
import { MemoryDatabase, type MemoryTransaction } from '@atone/participant/testing';
import type { TransactionView } from '@atone/protocol';
import { beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  createTestingCoordinator,
  type CrashPointsError,
  type FinishedRun,
  type JoinedService,
  type TestingCoordinator,
} from './index.js';
import { withoutBarrier } from './testing/without.barrier.js';

const Move = z.object({ from: z.string(), to: z.string(), cents: z.int() });
const bank = contract('bank', {
  withdraw: action({ input: Move, output: z.object({ receipt: z.string() }) }),
  deposit: action({ input: Move, output: z.null() }),
});

const transfer = saga('transfer', Move)
  .step('withdraw', bank.withdraw, (input) => input)
  .step('deposit', bank.deposit, (input) => input, { pivot: true });

interface Entry {
  readonly account: string;
  readonly cents: number;
}

let atone: TestingCoordinator;
let database: MemoryDatabase;
let joined: JoinedService | undefined;

beforeEach(() => {
  atone = createTestingCoordinator();
  joined = undefined;
});

// Each movement of money is an entry of its own.
const withdraw: ActionHandler<MemoryTransaction> = {
  contract: bank.withdraw,
  run: async (input, { transaction }) => {
    const { from, cents } = input as z.infer<typeof Move>;
    transaction.record({ account: from, cents: -cents });
    return { receipt: 'r-1' };
  },
  compensate: async ({ input, transaction }) => {
    const { from, cents } = input as z.infer<typeof Move>;
    transaction.record({ account: from, cents });
  },
};
const deposit: ActionHandler<MemoryTransaction> = {
  contract: bank.deposit,
  run: async (input, { transaction }) => {
    const { to, cents } = input as z.infer<typeof Move>;
    transaction.record({ account: to, cents });
    return null;
  },
};

function openBank(
  barrier?: (database: LocalDatabase<MemoryTransaction>) => Barrier<MemoryTransaction>,
  handlers = [withdraw, deposit],
): void {
  joined?.leave();
  database = new MemoryDatabase();
  const connection = database.connect();
  joined = atone.join(
    createParticipant({ service: 'bank', database: connection, handlers, barrier: barrier?.(connection) }),
  );
}

const MOVE = { from: 'ann', to: 'bob', cents: 5 };

function careless(connection: LocalDatabase<MemoryTransaction>): Barrier<MemoryTransaction> {
  return withoutBarrier(connection, MOVE);
}

function move() {
  return atone.client.submit(transfer, MOVE, { idempotencyKey: 'm', wait: '1m' });
}

/** What one account loses the other one gets. */
function moneyIsConserved(): void {
  const entries = database.entries as unknown as readonly Entry[];

  expect(entries.reduce((sum, { cents }) => sum + cents, 0)).toBe(0);
}

test('money is conserved wherever something crashes, gets lost, or comes twice or late', async () => {
  openBank();

  const { points, runCount } = await atone.everyCrashPoint(move, moneyIsConserved);

  expect(runCount).toBe(points.length + 1);
  expect(points.join('\n')).toMatchInlineSnapshot(`
   "coordinator crashes at engine.accept.beforeWrite #1
   coordinator crashes at engine.accept.afterWrite #1
   coordinator crashes before sending action of withdraw #1
   coordinator crashes after sending action of withdraw #1
   action of withdraw is lost #1
   action of withdraw comes twice #1
   action of withdraw comes late #1
   action of withdraw comes after its undo #1
   bank crashes at participant.action.beforeRow of withdraw #1
   bank crashes at participant.action.beforeCode of withdraw #1
   withdraw refuses #1
   bank crashes at participant.action.beforeCommit of withdraw #1
   bank crashes at participant.action.beforeReply of withdraw #1
   reply to action of withdraw is lost #1
   reply to action of withdraw comes twice #1
   reply to action of withdraw comes late #1
   coordinator crashes at engine.first.beforeWrite #1
   coordinator crashes at engine.first.afterWrite #1
   coordinator crashes before sending action of deposit #1
   coordinator crashes after sending action of deposit #1
   action of deposit is lost #1
   action of deposit comes twice #1
   action of deposit comes late #1
   bank crashes at participant.action.beforeRow of deposit #1
   bank crashes at participant.action.beforeCode of deposit #1
   deposit refuses #1
   bank crashes at participant.action.beforeCommit of deposit #1
   bank crashes at participant.action.beforeReply of deposit #1
   reply to action of deposit is lost #1
   reply to action of deposit comes twice #1
   reply to action of deposit comes late #1
   coordinator crashes at engine.end.beforeWrite #1
   coordinator crashes at engine.end.afterWrite #1"
  `);
});

test('a compensation that does nothing is found out by a story that commits', async () => {
  const lazy = { ...withdraw, compensate: async () => undefined };
  const before = () => openBank(undefined, [lazy, deposit]);

  const error = await failureOf(atone.everyCrashPoint(move, moneyIsConserved, { before }));

  expect(error.failures.map(({ point }) => point)).toEqual(['deposit refuses #1']);
});

test('each action is refused once, and one that is asked again after a refusal goes on', async () => {
  openBank();
  const mail = contract('mail', { thank: action({ input: z.string(), output: z.null() }) });
  atone.stub(mail, { thank: () => null });
  const patient = saga('transfer', Move)
    .step('withdraw', bank.withdraw, (input) => input, { onRefusal: 'retry' })
    .step('deposit', bank.deposit, (input) => input, { pivot: true })
    .step('thank', mail.thank, (input) => input.from, { onRefusal: 'retry' });
  const ended: Record<string, unknown> = {};

  await atone.everyCrashPoint(
    () => atone.client.submit(patient, MOVE, { wait: '1m' }),
    async ({ point = 'undisturbed', transactions: [transaction] }) => {
      moneyIsConserved();
      ended[point] = [transaction?.outcome, transaction && historyOf(transaction, 'refused')];
    },
    { only: /refuses/u },
  );

  expect(ended).toEqual({
    undisturbed: ['committed', []],
    'withdraw refuses #1': ['committed', ['withdraw']],
    'deposit refuses #1': ['aborted', ['deposit']],
    'thank refuses #1': ['committed', ['thank']],
  });
});

test('a refusal has points of its own: those of the undo', async () => {
  openBank();

  const { points } = await atone.everyCrashPoint(move, moneyIsConserved, {
    before: () => atone.failAt(bank.deposit, 'refuse'),
  });

  expect(points).toEqual(
    expect.arrayContaining([
      'compensation of withdraw is lost #1',
      'bank crashes at participant.compensate.beforeCommit of withdraw #1',
    ]),
  );
});

test('a participant without a barrier is found out', async () => {
  const error = await failureOf(
    atone.everyCrashPoint(move, moneyIsConserved, { before: () => openBank(careless) }),
  );

  expect(error.failures.map(({ point }) => point).join('\n')).toMatchInlineSnapshot(`
   "coordinator crashes after sending action of withdraw #1
   action of withdraw comes twice #1
   action of withdraw comes late #1
   reply to action of withdraw is lost #1
   reply to action of withdraw comes late #1
   coordinator crashes at engine.first.beforeWrite #1
   coordinator crashes after sending action of deposit #1
   action of deposit comes twice #1
   action of deposit comes late #1
   reply to action of deposit is lost #1
   reply to action of deposit comes late #1
   coordinator crashes at engine.end.beforeWrite #1"
  `);
  expect(error.message).toContain('{ only: "coordinator crashes after sending action of withdraw #1" }');
});

test('what went wrong is told once, with what happened, and leads to the line in the test', async () => {
  const only = /action of deposit (?:comes twice|comes late|is lost) #1/u;

  const error = await failureOf(
    atone.everyCrashPoint(move, moneyIsConserved, { before: () => openBank(careless), only }),
  );

  expect(error.message.replace(/^ +expect\([^]*?5$/mu, '    <what expect says>')).toMatchInlineSnapshot(`
   "Something is wrong after 4 of 10 runs:

   - action of deposit comes twice #1
   - action of deposit comes late #1
   - reply to action of deposit is lost #1
   - reply to action of deposit comes late #1
       <what expect says>

   What happened when action of deposit comes twice #1:

       transfer:
         accepted
         withdraw done
         deposit done
         committing
         committed

   To repeat one alone: everyCrashPoint(run, invariant, { only: "action of deposit comes twice #1" })"
  `);
  expect(error.cause).toBeUndefined();
  expect(error.stack).toMatch(/^CrashPointsError: Something[^]*\n +at .*crash\.points\.spec/u);
});

test('what stays wrong is not held against the points behind it', async () => {
  openBank(careless);

  const { failures, isCutShort, message } = await failureOf(atone.everyCrashPoint(move, moneyIsConserved));

  expect({ points: failures.map(({ point }) => point), isCutShort }).toEqual({
    points: ['coordinator crashes after sending action of withdraw #1'],
    isCutShort: true,
  });
  expect(message).toContain('Begin each run with clean data');
});

test('one point can be repeated alone', async () => {
  openBank(careless);
  const only = 'action of deposit comes twice #1';

  const error = await failureOf(atone.everyCrashPoint(move, moneyIsConserved, { only }));

  expect({ runs: error.runCount, points: error.failures.map(({ point }) => point) }).toEqual({
    runs: 2,
    points: [only],
  });
});

test('a transaction that waits for an operator at the end is a failure, unless that is allowed', async () => {
  openBank();
  const impatient = saga('transfer', Move, { retry: { attemptCountMax: 1 } })
    .step('withdraw', bank.withdraw, (input) => input)
    .step('deposit', bank.deposit, (input) => input, { pivot: true });
  const run = () => atone.client.submit(impatient, MOVE, { wait: '1m' });
  const only = 'reply to action of deposit is lost #1';

  const error = await failureOf(atone.everyCrashPoint(run, moneyIsConserved, { only }));
  const summary = await atone.everyCrashPoint(run, moneyIsConserved, { only, allowStuck: true });

  expect(error.message).toContain("'transfer' is stuck at deposit");
  expect(summary.points).toEqual([only]);
});

test('a run that uses up its data is told to use new ones', async () => {
  openBank();

  const error = await failureOf(
    atone.everyCrashPoint(
      (run) => (run === 1 ? move() : Promise.reject(new Error('The account is empty.'))),
      moneyIsConserved,
    ),
  );

  expect(error.message).toMatch(/did not get as far as the first one.* It threw: The account is empty\./u);
});

interface NoTest {
  readonly what: string;
  readonly run: () => unknown;
  readonly invariant: () => boolean;
  readonly message: RegExp;
}

test.each<NoTest>([
  {
    what: 'a run that starts nothing',
    run: () => undefined,
    invariant: () => true,
    message: /started no transaction/u,
  },
  {
    what: 'a run that fails undisturbed',
    run: () => Promise.reject(new Error('no order')),
    invariant: () => true,
    message: /no order/u,
  },
  {
    what: 'an invariant that never holds',
    run: () => move(),
    invariant: () => false,
    message: /even where nothing crashes[^]*returned false[^]*transfer:\n +accepted\n[^]*committed$/u,
  },
])('$what is no test', async ({ run, invariant, message }) => {
  openBank();

  await expect(atone.everyCrashPoint(run, invariant)).rejects.toThrow(message);
});

test('an action that comes after its undo does nothing, thanks to the barrier', async () => {
  const only = 'action of withdraw comes after its undo #1';
  const seen: unknown[] = [];
  const look = ({ point }: FinishedRun) => (point === undefined ? true : seen.push(database.entries));

  await atone.everyCrashPoint(move, look, { only, before: () => openBank() });
  await atone.everyCrashPoint(move, look, { only, before: () => openBank(careless) });

  expect(seen).toEqual([
    [],
    [
      { account: 'ann', cents: 5 },
      { account: 'ann', cents: -5 },
    ],
  ]);
});

test('a point that does not exist is no test', async () => {
  openBank();

  await expect(atone.everyCrashPoint(move, () => true, { only: 'meteorite' })).rejects.toThrow(
    /There is no point meteorite in this run, but these:[^]*action of withdraw is lost #1/u,
  );
});

test('a second series of runs does not get in between those of the first', async () => {
  openBank();
  const first = atone.everyCrashPoint(move, moneyIsConserved, { before: () => openBank() });

  await expect(atone.everyCrashPoint(move, moneyIsConserved)).rejects.toThrow('await it before the next one');

  await expect(first).resolves.toMatchObject({ runCount: 34 });
});

/** Returns the steps of which the history says `what`. */
function historyOf({ history }: TransactionView, what: string): readonly unknown[] {
  return history.filter((entry) => entry.what === what).map(({ branchId }) => branchId);
}

async function failureOf(runs: Promise<unknown>): Promise<CrashPointsError> {
  return runs.then(
    () => {
      throw new Error('All went well.');
    },
    (error: unknown) => error as CrashPointsError,
  );
}
