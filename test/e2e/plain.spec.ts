import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Submission, TransactionView } from '@atone/protocol';
import { PlainService } from '../harness/plain.service.js';
import { ask, type Answer } from '../harness/rest.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { until } from '../harness/until.js';

let database: TestDatabase;
let coordinator: TestCoordinator;
let depot: PlainService;
let bank: PlainService;

beforeAll(async () => {
  database = await createTestDatabase();
  [coordinator, depot, bank] = await Promise.all([
    TestCoordinator.start({ databaseUrl: database.url }),
    PlainService.start(),
    PlainService.start(),
  ]);
  await register('depot', depot, 'take');
  await register('bank', bank, 'pay');
}, 60_000);

beforeEach(() => {
  depot.forget();
  bank.forget();
});

afterAll(async () => {
  await coordinator.close();
  await Promise.all([depot.close(), bank.close()]);
  await database.drop();
});

async function register(name: string, service: PlainService, action: string): Promise<void> {
  const { status } = await ask(`PUT ${coordinator.url}/v1/participants/${name}/instances/one`, {
    body: service.entry(action),
  });
  expect(status).toBe(204);
}

const ORDER: Submission = {
  name: 'order',
  steps: [
    { name: 'goods', service: 'depot', action: 'take', input: { sku: 'lamp' } },
    {
      name: 'money',
      service: 'bank',
      action: 'pay',
      input: { account: 'ann', cents: { $from: 'goods', pointer: '/cents' } },
    },
  ],
  retry: { initialMs: 10, capMs: 50 },
};

async function submit(
  headers: Readonly<Record<string, string>> = {},
  changes: Partial<Submission> = {},
): Promise<Answer<TransactionView>> {
  const body = { ...ORDER, ...changes };
  return ask<TransactionView>(`POST ${coordinator.url}/v1/transactions?wait=15s`, { body, headers });
}

describe('plain endpoints', () => {
  test('are called one after the other, and what one answers is sent to the next', async () => {
    depot.answer('/take', { status: 200, body: { cents: 350 } });
    bank.answer('/pay', { status: 201, body: { receipt: 'r-1' } });

    const { body: view } = await submit();

    expect(view.outcome).toBe('committed');
    expect(view.branches.map(({ output }) => output)).toEqual([{ cents: 350 }, { receipt: 'r-1' }]);
    expect(depot.calls).toMatchObject([{ path: '/take', body: { sku: 'lamp' } }]);
    expect(bank.calls).toMatchObject([
      {
        path: '/pay',
        body: { account: 'ann', cents: 350 },
        headers: {
          'atone-gid': view.gid,
          'atone-branch-id': 'money',
          'atone-op': 'action',
          'atone-round': '1',
          'atone-attempt': '1',
          'atone-protocol': '1',
          'idempotency-key': `${view.gid}:money:action:1`,
        },
      },
    ]);
  });

  test('that answer 409 refuse: what came before is undone with what it was asked and what it answered', async () => {
    depot.answer('/take', { status: 200, body: { cents: 350, shelf: 7 } });
    bank.answer('/pay', { status: 409, body: { title: 'Conflict', detail: 'only 2 left', balance: 2 } });

    const { body: view } = await submit();

    expect(view).toMatchObject({ outcome: 'aborted', abort: { code: 'refused', message: 'only 2 left' } });
    expect(view.branches[1]?.refusal).toEqual({ reason: 'only 2 left', details: { balance: 2 } });
    expect([depot.paths, bank.paths]).toEqual([['/take', '/take/undo'], ['/pay']]);
    expect(depot.calls[1]?.body).toEqual({
      input: { sku: 'lamp' },
      output: { cents: 350, shelf: 7 },
      reason: 'only 2 left',
    });
    expect(depot.calls[1]?.headers['idempotency-key']).toBe(`${view.gid}:goods:compensate:1`);
  });

  test('that answer "not yet" are asked again, which costs no attempt', async () => {
    depot.answer(
      '/take',
      { status: 202, headers: { 'retry-after': '0' } },
      { status: 425, headers: { 'retry-after': '0' } },
      { status: 200, body: { cents: 1 } },
    );

    const { body: view } = await submit();

    expect(view.outcome).toBe('committed');
    expect(depot.paths).toEqual(['/take', '/take', '/take']);
    expect(view.branches[0]).toMatchObject({ attempt: 1, output: { cents: 1 } });
  });

  test('that fail with 500 are asked again with the same key', async () => {
    depot.answer(
      '/take',
      { status: 500 },
      { status: 500, body: 'oops' },
      { status: 200, body: { cents: 1 } },
    );

    const { body: view } = await submit();

    expect(view.outcome).toBe('committed');
    expect(new Set(depot.calls.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(depot.calls.map(({ headers }) => headers['atone-attempt'])).toEqual(['1', '2', '3']);
  });

  test('that send elsewhere are not followed, and the transaction says so until it is aborted', async () => {
    const redirect = { status: 302, headers: { location: `${bank.url}/trap` } };
    depot.answer('/take', ...Array.from({ length: 10_000 }, () => redirect));
    const retry = { initialMs: 10, capMs: 50, attemptCountMax: 10_000 };
    const accepted = await ask<TransactionView>(`POST ${coordinator.url}/v1/transactions`, {
      body: { ...ORDER, retry },
    });
    const { gid } = accepted.body;

    const error = await until('the redirect is noted', async () => {
      return (await coordinator.client.get(gid)).branches[0]?.lastError;
    });
    await coordinator.client.abort(gid, { reason: 'moved' });

    expect(error).toMatchObject({
      class: 'error',
      message: expect.stringMatching(/answered 302, and redirects are not followed\. Register the address/u),
    });
    const view = await until('it has ended', async () => {
      const now = await coordinator.client.get(gid);
      return now.endedAt === undefined ? undefined : now;
    });
    expect(view.outcome).toBe('aborted');
    expect(bank.calls).toEqual([]);
    expect(depot.paths.at(-1)).toBe('/take/undo');
  });

  test('whose undo is refused leave the transaction stuck until an operator has it tried again', async () => {
    bank.answer('/pay', { status: 409, body: { detail: 'no' } });
    depot.answer('/take', { status: 200, body: { cents: 1 } });
    depot.answer('/take/undo', { status: 409, body: { detail: 'already sold' } });
    const { gid } = (await ask<TransactionView>(`POST ${coordinator.url}/v1/transactions`, { body: ORDER }))
      .body;

    const { stuck } = await until('it is stuck', async () => {
      const view = await coordinator.client.get(gid);
      return view.stuck === undefined ? undefined : view;
    });
    await coordinator.client.retry(gid, { reason: 'bought back', by: 'ann' });

    expect(stuck).toMatchObject({ reason: 'refused', message: 'The compensation was refused: already sold' });
    const view = await coordinator.client.get(gid, { wait: '15s' });
    expect(view).toMatchObject({ state: 'aborted', branches: [{ state: 'compensated', undoRound: 2 }, {}] });
    expect(depot.calls.map(({ headers }) => headers['atone-round'])).toEqual(['1', '1', '2']);
  });
});

describe('what the initiator sends along', () => {
  const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('comes to every participant: trace, baggage and lane, undo included', async () => {
    depot.answer('/take', { status: 200, body: { cents: 1 } });
    bank.answer('/pay', { status: 409 });

    const { body: view } = await submit({ traceparent: TRACE, baggage: 'user=7' }, { lane: 'blue' });

    expect(view.lane).toBe('blue');
    const calls = [...depot.calls, ...bank.calls];
    expect(calls.map(({ path }) => path)).toEqual(['/take', '/take/undo', '/pay']);
    const carried = { traceparent: TRACE, baggage: 'user=7,lane=blue', 'x-lane': 'blue' };
    expect(calls.map(({ headers }) => headers)).toEqual(calls.map(() => expect.objectContaining(carried)));
  });

  test('may name the lane in its baggage', async () => {
    depot.answer('/take', { status: 200, body: { cents: 1 } });

    const { body: view } = await submit({ baggage: 'lane=green,user=7' });

    expect([view.lane, depot.calls[0]?.headers['x-lane']]).toEqual(['green', 'green']);
  });
});
