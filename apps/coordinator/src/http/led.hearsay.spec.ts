import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  countsSchema,
  transactionPageSchema,
  transactionViewSchema,
  type Counts,
  type TransactionPage,
} from '@atone/protocol';
import { ledBranch, LedInitiator, verdictsOf } from '../testing/led.initiator.js';
import { planOf, TestCoordinator } from '../testing/test.coordinator.js';

let world: TestCoordinator;
let trip: LedInitiator;

beforeEach(async () => {
  world = await TestCoordinator.start();
  trip = new LedInitiator(world);
});

afterEach(async () => {
  await world.close();
});

const FLIGHT = ledBranch('1');

/** What its initiator tells of a branch before anything is decided. */
function called(branchId: string, state: 'in-flight' | 'returned' | 'threw') {
  return { branchId, service: 'shop', action: 'reserve', kind: 'tcc', state };
}

async function pageOf(query = ''): Promise<TransactionPage> {
  const { body } = await world.ask('GET', `/v1/transactions${query}`);
  return transactionPageSchema.parse(body);
}

async function gidsOf(query = ''): Promise<string[]> {
  return (await pageOf(query)).transactions.map(({ gid }) => gid);
}

async function hearsayCount(): Promise<number | undefined> {
  const { body } = await world.ask('GET', '/v1/counts');
  return (countsSchema.parse(body) satisfies Counts).hearsay;
}

describe('what is only heard of', () => {
  test('is shown and marked as such, and nothing of it is in the log', async () => {
    const told = await trip.tell({ tags: { customer: 'ann' } });

    const { status, view } = await trip.look();

    expect(told.status).toBe(204);
    expect(status).toBe(200);
    expect(view).toMatchObject({
      gid: trip.gid,
      kind: 'led',
      name: 'book-trip',
      initiator: 'travel',
      state: 'active',
      outcome: 'undecided',
      tags: { customer: 'ann' },
      version: 0,
      isHearsay: true,
    });
    expect(transactionViewSchema.safeParse(view).error).toBeUndefined();
    expect(await world.storedCount()).toBe(0);
  });

  test('shows the branches and calls that its initiator has told of last, and marks them', async () => {
    await trip.tell({ branches: [called('1', 'in-flight')] });
    await trip.tell({
      branches: [called('1', 'returned'), called('2', 'in-flight'), called('3', 'threw')],
      branchCount: 70,
      calls: [{ callId: '4', label: 'POST http://mail/letters' }],
    });

    const { view } = await trip.look();

    expect(view.branches.map(({ branchId, state, isHearsay }) => [branchId, state, isHearsay])).toEqual([
      ['1', 'done', true],
      ['2', 'calling', true],
      ['3', 'unknown', true],
    ]);
    expect(view).toMatchObject({
      branchCount: 70,
      calls: [{ callId: '4', label: 'POST http://mail/letters' }],
    });
    expect(transactionViewSchema.safeParse(view).error).toBeUndefined();
  });

  test('shows doubts over the branches that its initiator has told of', async () => {
    await trip.tell({ branches: [called('1', 'returned'), called('2', 'in-flight')] });
    await verdictsOf(
      world,
      ['1', '2', '3'].map((id) => trip.doubt(ledBranch(id))),
    );

    const { branches } = (await trip.look()).view;

    expect(branches.map(({ branchId, state, doubt }) => [branchId, state, doubt !== undefined])).toEqual([
      ['1', 'done', true],
      ['2', 'unknown', true],
      ['3', 'unknown', true],
    ]);
  });

  test('is shown no more when its initiator tells that it is over', async () => {
    await trip.tell();

    await trip.tell({ isOver: true });

    expect((await trip.look()).status).toBe(404);
    expect([await gidsOf(), await hearsayCount()]).toEqual([[], 0]);
  });

  test('that is over decides nothing before its deadline, and is decided by a question past it', async () => {
    const late = new LedInitiator(world, { begunMsAgo: 31_000 });
    await Promise.all([trip.tell(), late.tell()]);
    await Promise.all([trip.tell({ isOver: true }), late.tell({ isOver: true })]);

    const verdicts = await verdictsOf(world, [trip.doubt(FLIGHT), late.doubt(FLIGHT)]);

    expect(verdicts).toMatchObject([{ verdict: 'wait' }, { verdict: 'undo' }]);
    expect(await world.storedCount()).toBe(1);
  });

  test('shows which branches are in doubt, and since when', async () => {
    trip = new LedInitiator(world, { begunMsAgo: 20_000 });
    await trip.tell();
    await verdictsOf(world, [trip.doubt(FLIGHT, { overdueMs: 5_000, trouble: 'no connection' })]);

    const { view } = await trip.look();

    expect(view.branches).toMatchObject([
      { branchId: '1', service: 'shop', action: 'reserve', kind: 'tcc', doubt: { trouble: 'no connection' } },
    ]);
    expect(Date.parse(view.branches[0]?.doubt?.since ?? '')).toBeLessThan(Date.now() - 4_000);
  });

  test('is gone when it is decided, and the row is shown', async () => {
    await trip.tell();
    await trip.decide('commit', [FLIGHT], { wait: '10s' });

    const { view } = await trip.look();

    expect([view.state, view.isHearsay]).toEqual(['committed', undefined]);
    expect(await gidsOf()).toEqual([trip.gid]);
    expect(await hearsayCount()).toBe(0);
  });

  test('is not shown any more where another coordinator has decided it', async () => {
    const other = await TestCoordinator.start({ log: () => world.log });
    await trip.tell();

    await trip.at(other).decide('abort', [], { wait: '10s' });
    await other.close();

    expect(await gidsOf('?state=active')).toEqual([]);
    expect(await hearsayCount()).toBe(0);
    expect((await trip.look()).view).toMatchObject({ gid: trip.gid, state: 'aborted' });
  });

  test('tells its outcome to those who wait for it', async () => {
    await trip.tell();

    const waiting = trip.look('?wait=10s');
    await trip.decide('abort', []);

    expect((await waiting).view.outcome).toBe('aborted');
  });

  test('is still only heard of when the wait is over', async () => {
    await trip.tell();

    const { status, view } = await trip.look('?wait=50ms');

    expect([status, view.isHearsay]).toEqual([200, true]);
  });

  test('takes no act of an operator, who is told who decides', async () => {
    await trip.tell();

    const { status, body } = await world.ask('POST', `${trip.url}/abort`, { body: { reason: 'stop' } });

    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      gid: trip.gid,
      detail: expect.stringContaining('only heard of'),
    });
    expect(await world.storedCount()).toBe(0);
  });

  test('of another log, or of a life of this one that is not, is passed over', async () => {
    const foreign = new LedInitiator(world, { logNumber: 7 });

    const told = await foreign.tell();

    expect([told.status, (await foreign.look()).status]).toEqual([204, 404]);
  });
});

describe('a transaction of the log', () => {
  test('shows which of its branches are in doubt, and those that nobody has listed', async () => {
    await trip.register([FLIGHT, ledBranch('2')]);
    await verdictsOf(world, [
      trip.doubt(FLIGHT, { trouble: 'no connection' }),
      trip.doubt(ledBranch('3', { kind: 'saga' })),
    ]);

    const { branches } = (await trip.look()).view;

    expect(branches.map(({ branchId, kind, doubt }) => [branchId, kind, doubt?.trouble])).toEqual([
      ['1', 'tcc', 'no connection'],
      ['2', 'tcc', undefined],
      ['3', 'saga', undefined],
    ]);
    expect(branches.map(({ doubt }) => doubt !== undefined)).toEqual([true, false, true]);
  });

  test('shows no doubt any more about a branch that has been confirmed', async () => {
    await trip.register([FLIGHT]);
    await verdictsOf(world, [trip.doubt(FLIGHT)]);

    const { view } = await trip.decide('commit', [FLIGHT], { wait: '10s' });

    expect(view.branches).toMatchObject([{ state: 'confirmed' }]);
    expect((await trip.look()).view.branches[0]?.doubt).toBeUndefined();
  });

  test('shows beside its registered branches those that its initiator has told of, until it is decided', async () => {
    await trip.register([FLIGHT]);
    await verdictsOf(world, [trip.doubt(FLIGHT)]);
    await trip.tell({ branches: [called('1', 'returned'), called('2', 'in-flight')] });

    const before = (await trip.look()).view;
    await trip.decide('commit', [FLIGHT], { wait: '10s' });

    expect(before.isHearsay).toBeUndefined();
    expect(before.branches.map(({ branchId, isHearsay }) => [branchId, isHearsay])).toEqual([
      ['1', undefined],
      ['2', true],
    ]);
    expect((await trip.look()).view.branches).toMatchObject([{ branchId: '1', state: 'confirmed' }]);
  });

  test('that was presumed aborted shows who asked', async () => {
    await verdictsOf(world, [trip.doubt(FLIGHT)]);

    const { view } = await trip.look();

    expect(view).toMatchObject({ state: 'aborted', initiator: 'travel', abort: { code: 'presumed' } });
    expect(view.branches).toMatchObject([{ branchId: '1', service: 'shop', doubt: {} }]);
  });
});

describe('the list', () => {
  test('shows what is heard of among the rest, newest first, each once, page by page', async () => {
    const gids: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      const next = new LedInitiator(world, { begunMsAgo: 1_000 - count });
      gids.unshift(next.gid);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await (count % 2 === 0 ? next.tell() : next.register([FLIGHT]));
      // oxlint-disable-next-line no-await-in-loop -- told as well, after there is a row
      await (count === 3 ? next.tell() : undefined);
    }

    const seen: string[][] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      // oxlint-disable-next-line no-await-in-loop -- each page names the next.
      const page = await pageOf(`?limit=2${after && `&after=${after}`}`);
      seen.push(page.transactions.map(({ gid }) => gid));
      after = page.next;
    }

    expect(seen).toEqual([gids.slice(0, 2), gids.slice(2, 4), gids.slice(4)]);
  });

  test.each([
    ['', true],
    ['?state=active', true],
    ['?outcome=undecided', true],
    ['?name=book-trip', true],
    ['?tag=customer%3Dann', true],
    ['?stuck=false&paused=false', true],
    ['?acceptedFrom=2026-01-01T00:00:00Z', true],
    ['?state=committing', false],
    ['?outcome=aborted', false],
    ['?name=place-order', false],
    ['?tag=customer%3Dbob', false],
    ['?service=shop', false],
    ['?stuck=true', false],
    ['?stuckReason=code', false],
    ['?paused=true', false],
    ['?idempotencyKey=order:17', false],
    ['?acceptedTo=2026-01-01T00:00:00Z', false],
  ])('with the filters "%s" shows what is heard of: %s', async (query, isShown) => {
    await trip.tell({ tags: { customer: 'ann' } });

    expect(await gidsOf(query)).toEqual(isShown ? [trip.gid] : []);
  });

  test('by service shows what is heard of where a branch of the service was called', async () => {
    await trip.tell({ branches: [called('1', 'in-flight')] });

    expect(await gidsOf('?service=shop')).toEqual([trip.gid]);
  });

  test('by service shows what is heard of where a branch of the service is in doubt', async () => {
    await trip.tell();
    await verdictsOf(world, [trip.doubt(FLIGHT)]);

    expect(await gidsOf('?service=shop')).toEqual([trip.gid]);
  });
});

test('the counts tell what is only heard of by itself', async () => {
  await trip.tell();
  await new LedInitiator(world).register([FLIGHT]);
  await world.submit(planOf('reserve'), { wait: '10s' });

  const { body } = await world.ask('GET', '/v1/counts');

  expect(body).toMatchObject({ hearsay: 1, byState: { active: 1, committed: 1 } });
});
