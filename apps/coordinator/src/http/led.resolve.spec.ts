import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { transactionPageSchema, transactionViewSchema, type Problem } from '@atone/protocol';
import { ledBranch, LedInitiator, verdictsOf } from '../testing/led.initiator.js';
import { TestCoordinator } from '../testing/test.coordinator.js';

let world: TestCoordinator;
/** It began in a life of the log that is over. */
let trip: LedInitiator;

beforeEach(async () => {
  world = await TestCoordinator.start();
  trip = new LedInitiator(world, { epoch: 7, begunMsAgo: 900_000 });
});

afterEach(async () => {
  await world.close();
});

/** For so long a question waits for no coordinator that may be behind. */
const OVERDUE = { overdueMs: 800_000 };
const [HOTEL, FLIGHT] = [ledBranch('1'), ledBranch('2')];
const COMMIT = { to: 'commit', by: 'ann', reason: 'the hotel has charged it', branches: ['1', '2'] };

async function resolve(body: object, gid = trip.gid) {
  const answer = await world.ask('POST', `/v1/transactions/${gid}/resolve`, { body });
  return { ...answer, problem: answer.body as Problem };
}

async function stuckGids(query: string): Promise<string[]> {
  const { body } = await world.ask('GET', `/v1/transactions${query}`);
  return transactionPageSchema.parse(body).transactions.map(({ gid }) => gid);
}

describe('what only a person can decide', () => {
  beforeEach(async () => {
    await verdictsOf(world, [trip.doubt(HOTEL, OVERDUE), trip.doubt(FLIGHT, OVERDUE)]);
  });

  test('is shown as stuck, with why, and that it can be resolved', async () => {
    const { view } = await trip.look();

    const why = expect.stringContaining('began in life 7 of the log');
    expect(transactionViewSchema.parse(view)).toMatchObject({
      isHearsay: true,
      state: 'active',
      stuck: { reason: 'log-restored', message: why, waysOut: ['resolve'] },
      branches: [
        { branchId: '1', doubt: { isForPeople: true, reason: why } },
        { branchId: '2', doubt: { isForPeople: true, reason: why } },
      ],
    });
  });

  test.each([
    ['?stuck=true', true],
    ['?stuckReason=log-restored', true],
    ['?stuck=true&service=shop', true],
    ['?stuck=false', false],
    ['?stuckReason=undecidable', false],
  ])('is listed by "%s": %s', async (query, isListed) => {
    expect(await stuckGids(query)).toEqual(isListed ? [trip.gid] : []);
  });

  test('is counted as such', async () => {
    await new LedInitiator(world).tell();

    const { body } = await world.ask('GET', '/v1/counts');

    expect(body).toMatchObject({ stuck: 0, hearsay: 2, hearsayStuck: 1 });
  });

  test('is committed by the act, and nothing is stuck any more', async () => {
    const { status, body } = await resolve(COMMIT);

    expect(status).toBe(200);
    expect(transactionViewSchema.parse(body)).toMatchObject({ outcome: 'committed', initiator: 'travel' });
    const { view } = await trip.look('?wait=10s');
    expect(view.state).toBe('committed');
    expect(view.stuck).toBeUndefined();
    expect(view.history[0]).toMatchObject({
      what: 'operator-resolve',
      by: 'ann',
      message: COMMIT.reason,
    });
    expect(world.transport.ops.toSorted()).toEqual(['confirm 1', 'confirm 2']);
    expect(await stuckGids('?stuck=true')).toEqual([]);
  });

  test('is resolved once more without a change, and says so', async () => {
    const first = await resolve(COMMIT);
    await trip.look('?wait=10s');

    const again = await resolve(COMMIT);

    expect([first.status, again.status]).toEqual([200, 200]);
    const replayed = [first, again].map(({ headers }) => headers['idempotent-replayed']);
    expect(replayed).toEqual([undefined, 'true']);
  });

  test('is committed with the branches that are named, and the others are undone', async () => {
    await resolve({ ...COMMIT, branches: ['2'] });
    await trip.look('?wait=10s');

    expect(world.transport.ops.toSorted()).toEqual(['compensate 1', 'confirm 2']);
  });

  test('is decided once: the second operator, and the initiator, lose', async () => {
    await resolve({ to: 'abort', reason: 'nobody has paid' });

    const second = await resolve(COMMIT);
    const late = await trip.decide('commit', [HOTEL, FLIGHT]);

    const decided = { status: 409, problem: { code: 'ALREADY_DECIDED', outcome: 'aborted' } };
    expect([second, late]).toMatchObject([decided, decided]);
  });

  test.each([
    ['/reason', { to: 'commit', branches: ['1'] }],
    ['/to', { reason: 'who knows', branches: ['1'] }],
    ['/branches', { to: 'commit', reason: 'who knows' }],
    ['/branches', { to: 'abort', reason: 'who knows', branches: ['1'] }],
  ])('is not decided by a body that is wrong at %s', async (field, body) => {
    const { status, problem } = await resolve(body);

    expect(status).toBe(400);
    expect(problem.errors).toEqual([expect.objectContaining({ field })]);
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('is not decided by any other act, which tells of this one', async () => {
    const { status, body } = await world.ask('POST', `${trip.url}/abort`, {
      body: { reason: 'nobody has paid' },
    });

    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      detail: expect.stringContaining('`resolve`'),
    });
  });
});

describe('people do not decide', () => {
  test('what nobody has told of', async () => {
    expect(await resolve(COMMIT)).toMatchObject({
      status: 404,
      problem: { code: 'NOT_FOUND', gid: trip.gid, detail: expect.stringContaining('ask the others') },
    });
  });

  test('what its initiator can still decide', async () => {
    const present = new LedInitiator(world);
    await present.register([HOTEL]);

    expect(await resolve(COMMIT, present.gid)).toMatchObject({
      status: 409,
      problem: { code: 'ACT_NOT_POSSIBLE' },
    });
  });

  test('what another log decides', async () => {
    const { gid } = new LedInitiator(world, { logNumber: 3 });

    expect(await resolve(COMMIT, gid)).toMatchObject({
      status: 409,
      problem: { code: 'NOT_MY_TRANSACTION' },
    });
  });
});
