import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { mintGid } from '@atone/core';
import { SeededRandom } from '@atone/engine/testing';
import {
  createGlobalTransactions,
  createServiceCalls,
  createServiceClient,
  createServiceDirectory,
  currentTransaction,
  type GlobalTransactions,
  type ServiceClient,
} from '@atone/participant';
import type { TransactionView } from '@atone/protocol';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Pool } from 'pg';
import { seats } from '../harness/booking.contracts.js';
import { ledgerHandler } from '../harness/booking.ledger.js';
import { LedgerService } from '../harness/booking.service.js';
import { openPool } from '../harness/open.pool.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { until } from '../harness/until.js';

/** Takes a backup of all that the service keeps. */
const BACK_UP = `
drop schema if exists backup cascade;
create schema backup;
create table backup.barrier as table atone.barrier;
create table backup.balance as table balance;
create table backup.journal as table journal`;

/** Puts the backup, from before some deadline that has passed since, in the place of all that has happened. */
const RESTORE = `
delete from atone.barrier;
delete from journal;
delete from balance;
insert into atone.barrier table backup.barrier;
update atone.barrier set timeout_ms = 1, doubt_at = now() - interval '1 min', next_ask_at = now() - interval '1 min';
insert into balance table backup.balance;
insert into journal overriding system value table backup.journal`;

const DEEDS = `
select b.state, b.doubt_at is not null as "isInDoubt", array(select what from journal where gid = b.gid order by line) as deeds
from atone.barrier as b`;

const DAY_MS = 24 * 3_600_000;

let logDatabase: TestDatabase;
let log: Pool;
let coordinator: TestCoordinator;
let service: LedgerService;
let transactions: GlobalTransactions;
let client: ServiceClient<typeof seats>;

beforeEach(async () => {
  logDatabase = await createTestDatabase();
  log = openPool(logDatabase.url, 2);
  coordinator = await TestCoordinator.start({ databaseUrl: logDatabase.url });
  service = await LedgerService.start(coordinator.client, ledgerHandler(seats.hold), ['row-7']);
  transactions = createGlobalTransactions({ service: 'office', coordinator: coordinator.client });
  const directory = createServiceDirectory({ client: coordinator.client });
  client = createServiceClient(seats, { calls: createServiceCalls({ directory }) });
});

afterEach(async () => {
  await service.close();
  await coordinator.close();
  await log.end();
  await logDatabase.drop();
});

test('a participant that is restored to before a commit asks about what it has forgotten, and confirms once more', async () => {
  const gid = await lead(async () => {
    await holdSeat();
    await service.query(BACK_UP);
  });
  const ended = await endOf(gid);
  await service.query(RESTORE);

  await until('it was told to confirm', async () => (await service.sweeper.pass()).confirmed === 1);

  expect(await service.query(DEEDS)).toEqual([
    { state: 'confirmed', isInDoubt: false, deeds: ['take', 'confirm'] },
  ]);
  const { version, outcome } = await coordinator.client.get(gid);
  expect({ version, outcome }).toEqual({ version: ended.version, outcome: ended.outcome });
});

test('a participant that is restored to before an abort asks about what it has forgotten, and undoes once more', async () => {
  const gid = await lead(async () => {
    await holdSeat();
    await service.query(BACK_UP);
    throw new Error('no');
  });
  const ended = await endOf(gid);
  await service.query(RESTORE);

  await until('it was told to undo', async () => (await service.sweeper.pass()).undone === 1);

  expect(await service.query(DEEDS)).toEqual([
    { state: 'undone', isInDoubt: false, deeds: ['take', 'give back'] },
  ]);
  const { version, outcome } = await coordinator.client.get(gid);
  expect({ version, outcome }).toEqual({ version: ended.version, outcome: ended.outcome });
});

test('where the log was restored as well, nobody decides about what both have forgotten: people are asked', async () => {
  const gid = await lead(async () => {
    await holdSeat();
    await service.query(BACK_UP);
  });
  await endOf(gid);
  await loseTheLog();

  await until('it was told to ask people', async () => (await service.sweeper.pass()).people === 1);

  await expectNothingDecided();
  expect(service.warnings).toMatchObject([{ gid, reason: expect.stringMatching(/life/u) }]);
});

test.each([
  [{ to: 'commit', branches: ['1'] }, 'confirmed', ['take', 'confirm']],
  [{ to: 'abort' }, 'undone', ['take', 'give back']],
] as const)(
  'what a restored log cannot judge an operator resolves (%j), and the coordinator brings it at once',
  async (resolution, state, deeds) => {
    const gid = await lead(async () => {
      await holdSeat();
      await service.query(BACK_UP);
    });
    await endOf(gid);
    await loseTheLog();
    await until('it was told to ask people', async () => (await service.sweeper.pass()).people === 1);
    const { transactions: stuck } = await coordinator.client.list({ stuckReason: 'log-restored' });
    expect(stuck).toMatchObject([{ gid, isHearsay: true, stuck: { waysOut: ['resolve'] } }]);

    await coordinator.client.resolve(gid, { ...resolution, by: 'ann', reason: 'as the customer was told' });

    const view = await endOf(gid);
    expect(view.outcome).toBe(resolution.to === 'commit' ? 'committed' : 'aborted');
    expect(view.history[0]).toMatchObject({ what: 'operator-resolve', by: 'ann' });
    expect(await service.query(DEEDS)).toEqual([{ state, isInDoubt: false, deeds }]);
    expect(await service.sweeper.pass()).toMatchObject({ asked: 0 });
  },
);

test('a branch of a transaction older than what the log remembers is neither confirmed nor undone: people are asked', async () => {
  const { logNumber } = await coordinator.client.logInfo();
  // oxlint-disable-next-line no-restricted-globals -- what the log remembers is counted in days of the calendar
  const oldGid = mintGid(Date.now() - 400 * DAY_MS, logNumber, new SeededRandom(1));
  await lead(async () => {
    await holdSeat();
    await service.query(BACK_UP);
  });
  await service.query(`update backup.barrier set gid = $1`, [oldGid]);
  await service.query(`update backup.journal set gid = $1`, [oldGid]);
  await service.query(RESTORE);
  await log.query('delete from atone.global_transaction');

  await until('it was told to ask people', async () => (await service.sweeper.pass()).people === 1);

  await expectNothingDecided();
  const act = coordinator.client.resolve(oldGid, { to: 'abort', reason: 'of last year' });
  await expect(act).rejects.toMatchObject({ code: 'ACT_NOT_POSSIBLE' });
  expect(service.warnings).toMatchObject([{ gid: oldGid, reason: expect.stringMatching(/older/u) }]);
});

test('a participant that has lost the effect of a branch which is committed does not pretend: the transaction is stuck', async () => {
  const gid = await lead(async () => {
    await service.query(BACK_UP);
    await holdSeat();
    await service.query(RESTORE);
  });

  const view = await until('it is stuck', async () => {
    const found = await coordinator.client.get(gid);
    return found.stuck === undefined ? undefined : found;
  });

  expect(view).toMatchObject({ outcome: 'committed', state: 'committing', stuck: { reason: 'branch-lost' } });
  expect(await service.query(DEEDS)).toEqual([]);
});

/** Runs `work` as a transaction, and returns its gid, whether it commits or throws. */
async function lead(work: () => Promise<void>): Promise<string> {
  let gid = '';
  const leading = transactions.run({ name: 'book' }, async () => {
    gid = currentTransaction()?.gid ?? '';
    await work();
  });
  await leading.catch((error: unknown) => error);
  return gid;
}

/** Puts the log back to before all that it held, and the service to before it was told the end. */
async function loseTheLog(): Promise<void> {
  await service.query(RESTORE);
  const before = await coordinator.client.logInfo();
  await log.query('delete from atone.global_transaction');
  await log.query(`update atone.log_life set identity = 'of another cluster'`);
  await until('the log is in another life', async () => {
    const { epoch } = await coordinator.client.logInfo();
    return epoch > before.epoch;
  });
}

async function holdSeat(): Promise<void> {
  await client.hold({ name: 'row-7', amount: 1 });
}

async function endOf(gid: string): Promise<TransactionView> {
  return until('it has ended', async () => {
    const view = await coordinator.client.get(gid);
    return view.endedAt === undefined ? undefined : view;
  });
}

async function expectNothingDecided(): Promise<void> {
  expect(await service.query(DEEDS)).toEqual([{ state: 'done', isInDoubt: true, deeds: ['take'] }]);
  const { rows } = await log.query('select gid, state from atone.global_transaction');
  expect(rows).toEqual([]);
}
