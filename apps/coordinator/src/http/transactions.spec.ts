import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HEADERS, transactionViewSchema, type TransactionPage, type TransactionView } from '@atone/protocol';
import { refusing } from '@atone/engine/testing';
import { holding, planOf, soon, TestCoordinator } from '../testing/test.coordinator.js';

let world: TestCoordinator;

beforeEach(async () => {
  world = await TestCoordinator.start();
});

afterEach(async () => {
  await world.close();
});

describe('a submission', () => {
  test('is answered with 202, the transaction and where it is found', async () => {
    const { status, headers, view } = await world.submit(planOf('reserve', 'charge'));

    expect(status).toBe(202);
    expect(headers['location']).toBe(`/v1/transactions/${view.gid}`);
    expect(view).toMatchObject({ name: 'test-saga', kind: 'saga' });
    expect(await world.log.get(view.gid)).toBeDefined();
  });

  test('that waits is answered with 200 and the outcome', async () => {
    const { status, view } = await world.submit(planOf('reserve', 'charge'), { wait: '10s' });

    expect(status).toBe(200);
    expect(view).toMatchObject({ outcome: 'committed', state: 'committed' });
    expect(view.branches.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(transactionViewSchema.safeParse(view).error).toBeUndefined();
  });

  test('that waits too short is answered with 202 and what is known', async () => {
    world.transport.script = () => undefined;

    const { status, view } = await world.submit(planOf('reserve'), { wait: '50ms' });

    expect(status).toBe(202);
    expect(view).toMatchObject({ outcome: 'undecided', state: 'running' });
  });

  test('that is refused by a participant is answered with its abort', async () => {
    world.transport.script = refusing('charge');

    const { status, view } = await world.submit(planOf('reserve', 'charge'), { wait: '10s' });

    expect(status).toBe(200);
    expect(view).toMatchObject({ outcome: 'aborted', abort: { code: 'refused', branchId: 'charge' } });
    expect(view.branches.map(({ state }) => state)).toEqual(['compensated', 'refused']);
  });

  test('passes trace context and lane on to the participants', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { traceparent, baggage: 'user=ann,lane=blue;prop=1' };

    await world.submit(planOf('reserve'), { wait: '10s', headers });

    expect(world.transport.sent[0]).toMatchObject({ traceparent, baggage: headers.baggage, lane: 'blue' });
  });

  test.each([
    { title: 'the x-lane header', headers: { [HEADERS.lane]: 'green' }, lane: 'green' },
    {
      title: 'the baggage before x-lane',
      headers: { [HEADERS.lane]: 'green', baggage: 'lane=blue' },
      lane: 'blue',
    },
    {
      title: 'the body before both',
      body: 'red',
      headers: { [HEADERS.lane]: 'green', baggage: 'lane=blue' },
      lane: 'red',
    },
  ])('takes its lane from $title', async ({ body, headers, lane }) => {
    const { view } = await world.submit({ ...planOf('reserve'), ...(body && { lane: body }) }, { headers });

    expect(view.lane).toBe(lane);
  });

  test('answers 503 with Retry-After where the house is full, and writes nothing', async () => {
    const full = await TestCoordinator.start({
      environment: { ATONE_ACTIVE_COUNT_MAX: '1' },
      script: () => undefined,
    });
    await full.submit(planOf('reserve'));

    const { status, headers, problem } = await full.submit(planOf('reserve'));

    expect({ status, code: problem.code, retryAfter: headers['retry-after'] }).toEqual({
      status: 503,
      code: 'OVERLOADED',
      retryAfter: '2',
    });
    expect(await full.storedCount()).toBe(1);
    await full.close();
  });
});

describe('an idempotency key', () => {
  const headers = { [HEADERS.idempotencyKey]: 'order:17' };

  test('gives the same transaction for the same body, however its members are ordered', async () => {
    const plan = planOf('reserve');
    const first = await world.submit(plan, { headers });

    const again = await world.submit({ steps: plan.steps, name: plan.name }, { headers });

    expect(again.status).toBe(202);
    expect(again.headers[HEADERS.idempotentReplayed]).toBe('true');
    expect(again.view.gid).toBe(first.view.gid);
    expect(first.headers[HEADERS.idempotentReplayed]).toBeUndefined();
    expect(await world.storedCount()).toBe(1);
  });

  test('that is repeated with a wait is answered with 200 once the transaction has ended', async () => {
    const first = await world.submit(planOf('reserve'), { headers });

    const again = await world.submit(planOf('reserve'), { headers, wait: '10s' });

    expect(again.status).toBe(200);
    expect(again.view).toMatchObject({ gid: first.view.gid, outcome: 'committed' });
  });

  test('is refused with 422 for another body', async () => {
    const first = await world.submit(planOf('reserve'), { headers });

    const { status, problem } = await world.submit(planOf('charge'), { headers });

    expect(status).toBe(422);
    expect(problem).toMatchObject({ code: 'IDEMPOTENCY_MISMATCH', gid: first.view.gid });
    expect(await world.storedCount()).toBe(1);
  });

  test('that arrives twice at once is accepted once; the other is told to ask again', async () => {
    const { log, release } = holding('accept');
    const slow = await TestCoordinator.start({ log });
    const first = slow.submit(planOf('reserve'), { headers });
    await soon();

    const second = await slow.submit(planOf('reserve'), { headers });
    release();

    expect(second.status).toBe(409);
    expect(second.problem.code).toBe('IDEMPOTENCY_IN_FLIGHT');
    expect(second.headers['retry-after']).toBe('1');
    expect((await first).status).toBe(202);
    expect(await slow.storedCount()).toBe(1);
    await slow.close();
  });

  test('that is malformed is refused by the name of its header', async () => {
    const { status, problem } = await world.submit(planOf('reserve'), {
      headers: { [HEADERS.idempotencyKey]: 'a b' },
    });

    expect(status).toBe(400);
    expect(problem.errors).toMatchObject([{ field: 'idempotency-key' }]);
  });
});

describe('a transaction', () => {
  test('is shown as it stands, and with its outcome to those who wait', async () => {
    world.transport.script = () => undefined;
    const { view } = await world.submit(planOf('reserve'));
    const url = `/v1/transactions/${view.gid}`;
    expect((await world.ask('GET', url)).body).toMatchObject({
      outcome: 'undecided',
      branches: [{ state: 'calling' }],
    });
    const [command] = world.transport.sent;

    const waiting = world.ask('GET', `${url}?wait=10s`);
    setTimeout(() => {
      if (command !== undefined) {
        world.transport.reply(command, { outcome: 'done', output: 1 });
      }
    }, 20);

    expect((await waiting).body).toMatchObject({ outcome: 'committed' });
  });

  test('that nobody has heard of is a 404, at once even to those who wait', async () => {
    const { status, body } = await world.ask(
      'GET',
      '/v1/transactions/01890a5d-ac96-774b-bcce-b302099a8057?wait=60s',
    );

    expect(status).toBe(404);
    expect(body).toMatchObject({ code: 'NOT_FOUND', gid: '01890a5d-ac96-774b-bcce-b302099a8057' });
  });

  test('shows no outcome before it is durable', async () => {
    const { log, release } = holding('update');
    const slow = await TestCoordinator.start({ log });

    const { status, view } = await slow.submit(planOf('reserve'), { wait: '100ms' });
    const { body } = await slow.ask('GET', `/v1/transactions/${view.gid}`);
    release();

    expect(slow.transport.ops).toEqual(['action reserve']);
    expect([status, view.outcome, (body as TransactionView).outcome]).toEqual([
      202,
      'undecided',
      'undecided',
    ]);
    await slow.close();
  });

  test('whose row cannot be read is shown as stuck, alone and in the list', async () => {
    const { view } = await world.submit(planOf('reserve'), { wait: '10s' });
    const row = await world.log.get(view.gid);
    const gid = view.gid.replace(/.$/u, (last) => (last === '0' ? '1' : '0'));
    if (row !== undefined) {
      world.log.plant({
        ...row,
        gid,
        state: 'running',
        finishedAt: undefined,
        plan: 'gibberish',
      });
    }

    const alone = await world.ask('GET', `/v1/transactions/${gid}`);
    const { transactions } = (await world.ask('GET', '/v1/transactions')).body as TransactionPage;

    expect(alone).toMatchObject({ status: 200, body: { gid, stuck: { reason: 'code', waysOut: [] } } });
    expect(transactions.map((each) => [each.gid, each.stuck?.reason])).toEqual(
      expect.arrayContaining([
        [gid, 'code'],
        [view.gid, undefined],
      ]),
    );
  });
});

describe('the list', () => {
  test('shows who drives each transaction', async () => {
    const { view } = await world.submit(planOf('reserve'), { wait: '10s' });
    const row = await world.log.get(view.gid);
    const gid = view.gid.replace(/.$/u, (last) => (last === '0' ? '1' : '0'));
    if (row !== undefined) {
      world.log.plant({ ...row, gid, owner: 'another' });
    }

    const { body } = await world.ask('GET', '/v1/transactions');

    const { transactions } = body as TransactionPage;
    expect(transactions.find((one) => one.gid === gid)?.owner).toBe('another');
  });

  test('shows the newest first, page by page', async () => {
    const gids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one is older than the next.
      gids.unshift((await world.submit(planOf('reserve'), { wait: '10s' })).view.gid);
      // oxlint-disable-next-line no-await-in-loop
      await soon();
    }

    const seen: string[][] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      // oxlint-disable-next-line no-await-in-loop -- each page names the next.
      const { body } = await world.ask('GET', `/v1/transactions?limit=2${after && `&after=${after}`}`);
      const page = body as TransactionPage;
      seen.push(page.transactions.map(({ gid }) => gid));
      after = page.next;
    }

    expect(seen).toEqual([gids.slice(0, 2), gids.slice(2, 4), gids.slice(4)]);
  });

  test('shows only what matches all filters', async () => {
    await world.submit({ ...planOf('reserve'), tags: { customer: 'ann' } }, { wait: '10s' });
    world.transport.script = refusing('reserve');
    const { view } = await world.submit({ ...planOf('reserve'), tags: { customer: 'ann' } }, { wait: '10s' });

    const { body } = await world.ask(
      'GET',
      '/v1/transactions?outcome=aborted&tag=customer%3Dann&service=shop',
    );

    expect((body as TransactionPage).transactions.map(({ gid }) => gid)).toEqual([view.gid]);
  });

  test.each([
    ['from=2026-01-01', 'from', 'is not known here'],
    ['state=stuck', 'state', "is no state 'stuck': use ?stuck=true"],
    ['state=paused', 'state', "is no state 'paused': use ?paused=true"],
    ['state=done', 'state', expect.stringContaining('expected one of "active"|')],
  ])('says of ?%s what can be said, and no more', async (query, field, message) => {
    const { body } = await world.ask('GET', `/v1/transactions?${query}`);

    expect(body).toMatchObject({ code: 'BAD_REQUEST', errors: [{ field, message }] });
  });

  test('names the parameter that is wrong, and the nearest one that exists', async () => {
    const { status, body } = await world.ask('GET', '/v1/transactions?stat=running&limit=1000');

    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 'BAD_REQUEST',
      errors: expect.arrayContaining([
        { field: 'stat', message: "is not known here; the nearest one is 'state'" },
        expect.objectContaining({ field: 'limit' }),
      ]),
    });
  });
});
