import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { happyScript } from '@atone/engine/testing';
import { HEADERS, LED_BRANCH_COUNT_MAX, transactionViewSchema, type LogInfo } from '@atone/protocol';
import { ledBranch, LedInitiator, verdictsOf } from '../testing/led.initiator.js';
import { TestCoordinator } from '../testing/test.coordinator.js';

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
const HOTEL = ledBranch('2', { action: 'charge' });

/** Without a barrier. */
const PLAIN = ledBranch('3', { action: 'ship', nonce: undefined, input: { to: 'Rome' } });

describe('the log', () => {
  test('tells its number, its life and its time', async () => {
    const { status, body } = await world.ask('GET', '/v1/log');

    expect(status).toBe(200);
    expect(body).toMatchObject({ logNumber: 0, epoch: 1, timeoutMaxMs: 86_400_000 });
    expect(Math.abs(Date.parse((body as LogInfo).now) - Date.now())).toBeLessThan(60_000);
  });
});

describe('a commit', () => {
  test('is durable when it is answered', async () => {
    world.transport.script = () => undefined;

    const { status, view } = await trip.decide('commit', [FLIGHT, HOTEL]);

    expect([status, view.state, view.outcome]).toEqual([200, 'committing', 'committed']);
    expect(await world.log.get(trip.gid)).toMatchObject({ kind: 'led', state: 'committing' });
  });

  test('that waits is answered when its branches have confirmed', async () => {
    const { status, view } = await trip.decide('commit', [FLIGHT, HOTEL], { wait: '10s' });

    expect([status, view.state]).toEqual([200, 'committed']);
    expect(view).toMatchObject({ kind: 'led', name: 'book-trip', initiator: 'travel' });
    expect(view.branches.map(({ branchId, kind, state }) => [branchId, kind, state])).toEqual([
      ['1', 'tcc', 'confirmed'],
      ['2', 'tcc', 'confirmed'],
    ]);
    expect(world.transport.ops.toSorted()).toEqual(['confirm 1', 'confirm 2']);
    expect(transactionViewSchema.safeParse(view).error).toBeUndefined();
  });

  test('names the effect that is meant to those who confirm it', async () => {
    await trip.decide('commit', [FLIGHT], { wait: '10s' });

    expect(world.transport.sent[0]).toMatchObject({
      gid: trip.gid,
      nonce: FLIGHT.nonce,
      led: { secretHash: trip.secretHash, epoch: 1, initiator: 'travel' },
    });
  });

  test('passes trace context and lane on to the participants', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { traceparent, baggage: 'user=ann,lane=blue' };

    const { view } = await trip.decide('commit', [FLIGHT], { wait: '10s', headers });

    expect(view.lane).toBe('blue');
    expect(world.transport.sent[0]).toMatchObject({ traceparent, baggage: headers.baggage, lane: 'blue' });
  });

  test('confirms what is on the list, and undoes what threw', async () => {
    const { view } = await trip.decide('commit', [FLIGHT], { wait: '10s', own: { thrown: [HOTEL] } });

    expect(view.outcome).toBe('committed');
    expect(view.branches.map(({ state }) => state)).toEqual(['confirmed', 'compensated']);
  });

  test('without any branch is one, too', async () => {
    const { status, view } = await trip.decide('commit', [], { wait: '10s' });

    expect([status, view.state]).toEqual([200, 'committed']);
  });

  test('may list as many branches as one request may, however long their names', async () => {
    const name = 'n'.repeat(128);
    const branches = Array.from({ length: LED_BRANCH_COUNT_MAX }, (_, position) =>
      ledBranch(`${position}~`.padEnd(256, 'k'), {
        service: name,
        action: name,
        nonce: 'o'.repeat(64),
        inputHash: 'a'.repeat(64),
      }),
    );

    const { status, view } = await trip.decide('commit', branches, { wait: '30s' });

    expect([status, view.state, view.branches.length]).toEqual([200, 'committed', LED_BRANCH_COUNT_MAX]);
  });

  test('that is repeated is answered the same, and writes nothing', async () => {
    const first = await trip.decide('commit', [FLIGHT, HOTEL], { wait: '10s' });

    const again = await trip.decide('commit', [HOTEL, FLIGHT], { wait: '10s' });

    expect([again.status, again.headers[HEADERS.idempotentReplayed]]).toEqual([200, 'true']);
    expect(first.headers[HEADERS.idempotentReplayed]).toBeUndefined();
    expect([again.view.version, again.view.branches]).toEqual([first.view.version, first.view.branches]);
    expect(world.transport.sent).toHaveLength(2);
  });

  test.each([
    ['a shorter list', [FLIGHT]],
    ['a longer list', [FLIGHT, HOTEL, PLAIN]],
    ['another nonce', [FLIGHT, { ...HOTEL, nonce: 'another-one' }]],
  ])('that is repeated with %s is refused, with what was decided', async (_title, branches) => {
    await trip.decide('commit', [FLIGHT, HOTEL], { wait: '10s' });

    const { status, problem } = await trip.decide('commit', branches);

    expect(status).toBe(409);
    expect(problem).toMatchObject({ code: 'ALREADY_DECIDED', gid: trip.gid, outcome: 'committed' });
  });

  test('by who does not know the secret is refused, before the end and after it', async () => {
    await trip.register([PLAIN]);
    const own = { secret: '0'.repeat(64) };
    const before = await trip.decide('commit', [PLAIN], { own });
    await trip.decide('commit', [PLAIN], { wait: '10s' });

    const after = await trip.decide('abort', [], { own });

    for (const { status, problem } of [before, after]) {
      expect({ status, code: problem.code, gid: problem.gid }).toEqual({
        status: 403,
        code: 'WRONG_SECRET',
        gid: trip.gid,
      });
    }
    expect((await trip.look()).view.state).toBe('committed');
  });
});

describe('an abort', () => {
  test('undoes what is on its list, the last one first', async () => {
    const { status, view } = await trip.decide('abort', [FLIGHT, HOTEL], {
      wait: '10s',
      own: { message: 'no seats left' },
    });

    expect([status, view.state]).toEqual([200, 'aborted']);
    expect(view.abort).toEqual({ code: 'initiator', message: 'no seats left' });
    expect(world.transport.ops).toEqual(['compensate 2', 'compensate 1']);
  });

  test('that is repeated is answered the same, and a commit after it is refused', async () => {
    await trip.decide('abort', [FLIGHT], { wait: '10s' });

    const again = await trip.decide('abort', [FLIGHT]);
    const commit = await trip.decide('commit', [FLIGHT]);

    expect([again.status, again.view.outcome]).toEqual([200, 'aborted']);
    expect([commit.status, commit.problem.code, commit.problem.outcome]).toEqual([
      409,
      'ALREADY_DECIDED',
      'aborted',
    ]);
  });
});

describe('a registration', () => {
  test('is durable when it is answered, and shown as active', async () => {
    const { status, view } = await trip.register([PLAIN]);

    expect(status).toBe(200);
    expect(view).toMatchObject({ kind: 'led', state: 'active', outcome: 'undecided' });
    expect(view.branches.map(({ branchId }) => branchId)).toEqual(['3']);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active' });
  });

  test('that is repeated, or goes on, adds only what is new', async () => {
    await trip.register([PLAIN]);
    await trip.register([PLAIN]);

    const { view } = await trip.register([FLIGHT]);

    expect(view.branches.map(({ branchId }) => branchId)).toEqual(['3', '1']);
  });

  test('tells the end of a branch what it was called with, where no barrier remembers it', async () => {
    // An input may hold what would be a reference in a plan.
    const input = { to: { $from: 'Rome', pointer: '/' } };
    await trip.register([{ ...PLAIN, input }]);

    await trip.decide('commit', [{ ...PLAIN, input: undefined }], { wait: '10s' });

    expect(world.transport.sent).toMatchObject([{ op: 'confirm', branchId: '3', input }]);
  });

  test('that the commit does not list is undone', async () => {
    await trip.register([PLAIN]);

    const { view } = await trip.decide('commit', [FLIGHT], { wait: '10s' });

    expect(view.outcome).toBe('committed');
    expect(view.branches.map(({ branchId, state }) => [branchId, state])).toEqual(
      expect.arrayContaining([
        ['1', 'confirmed'],
        ['3', 'compensated'],
      ]),
    );
  });

  test('counts where the decision names its prefix and number', async () => {
    const below = ['1~k7.1', '1~k7.2'].map((branchId) => ledBranch(branchId));
    await trip.register(below);
    const registered = [{ prefix: '1~k7.', count: 2 }];

    const { view } = await trip.decide('commit', [FLIGHT], { wait: '10s', own: { registered } });

    expect(view.branches.map(({ state }) => state)).toEqual(['confirmed', 'confirmed', 'confirmed']);
  });

  test('that is not complete keeps the commit from being decided', async () => {
    await trip.register([ledBranch('1~k7.1')]);

    const { status, problem } = await trip.decide('commit', [FLIGHT], {
      own: { registered: [{ prefix: '1~k7.', count: 2 }] },
    });

    expect([status, problem.code]).toEqual([409, 'BRANCH_CONFLICT']);
    expect((await trip.look()).view.state).toBe('active');
  });

  test('of another branch under a known id is refused', async () => {
    await trip.register([PLAIN]);

    const { status, problem } = await trip.register([{ ...PLAIN, action: 'charge' }]);

    expect([status, problem.code]).toEqual([409, 'BRANCH_CONFLICT']);
  });

  test('after the decision is refused', async () => {
    await trip.decide('commit', [FLIGHT], { wait: '10s' });

    const { status, problem } = await trip.register([PLAIN]);

    expect([status, problem.code, problem.outcome]).toEqual([409, 'ALREADY_DECIDED', 'committed']);
  });

  test('whose deadline passes undecided is aborted', async () => {
    await trip.register([PLAIN], { remainingMs: 20 });

    const { view } = await trip.look('?wait=10s');

    expect(view).toMatchObject({ state: 'aborted', abort: { code: 'deadline' } });
    expect(world.transport.ops).toEqual(['compensate 3']);
  });

  test('of 1,000 branches is ended whole', async () => {
    const branches = Array.from({ length: LED_BRANCH_COUNT_MAX }, (_, position) =>
      ledBranch(`1~k7.${position + 1}`),
    );
    await trip.register(branches);

    const { view } = await trip.decide('commit', [FLIGHT], {
      wait: '30s',
      own: { registered: [{ prefix: '1~k7.', count: LED_BRANCH_COUNT_MAX }] },
    });

    expect(view.state).toBe('committed');
    expect(world.transport.ops.filter((op) => op.startsWith('confirm')).length).toBe(
      LED_BRANCH_COUNT_MAX + 1,
    );
  });
});

describe('a doubt', () => {
  test('about what nobody knows decides to abort, durably, and a late commit is refused', async () => {
    const [verdict] = await verdictsOf(world, [trip.doubt(FLIGHT)]);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'aborted' });

    const { status, problem } = await trip.decide('commit', [FLIGHT]);

    expect(verdict).toMatchObject({ gid: trip.gid, branchId: '1', verdict: 'undo' });
    expect([status, problem.code, problem.outcome]).toEqual([409, 'ALREADY_DECIDED', 'aborted']);
    expect((await trip.look()).view.abort?.code).toBe('presumed');
  });

  test('before the deadline of which a notice told is told to wait, and decides nothing', async () => {
    await trip.tell();

    const [verdict] = await verdictsOf(world, [trip.doubt(FLIGHT)]);

    expect(verdict?.verdict).toBe('wait');
    expect(verdict?.waitMs).toBeGreaterThan(0);
    expect(await world.storedCount()).toBe(0);
  });

  test('after the deadline of which a notice told is answered', async () => {
    const late = new LedInitiator(world, { begunMsAgo: 60_000 });
    await late.tell();

    const [verdict] = await verdictsOf(world, [late.doubt(FLIGHT)]);

    expect(verdict?.verdict).toBe('undo');
  });

  test('about a committed transaction is told to confirm what is on the list, and to undo the rest', async () => {
    await trip.decide('commit', [FLIGHT], { wait: '10s' });

    const verdicts = await verdictsOf(world, [
      trip.doubt(FLIGHT),
      trip.doubt(FLIGHT, { nonce: 'of-another-run' }),
      trip.doubt(HOTEL),
    ]);

    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['confirm', 'undo', 'undo']);
  });

  test('that bears another hash of the secret is not answered by a decision', async () => {
    await trip.decide('commit', [FLIGHT], { wait: '10s' });

    const [verdict] = await verdictsOf(world, [trip.doubt(FLIGHT, { secretHash: 'f'.repeat(64) })]);

    expect(verdict?.verdict).toBe('ask-people');
  });

  test('of an earlier life of the log goes to people, and decides nothing', async () => {
    world.log.life = 2;
    const restored = await TestCoordinator.start({ log: () => world.log });
    const before = new LedInitiator(restored);

    const [verdict] = await verdictsOf(restored, [before.doubt(FLIGHT)]);
    const { status, problem } = await before.decide('commit', [FLIGHT]);
    await restored.close();

    expect(verdict?.verdict).toBe('ask-people');
    expect([status, problem.code]).toEqual([409, 'LOG_RESTORED']);
    expect(await world.storedCount()).toBe(0);
  });
});

describe('a gid', () => {
  test.each([
    ['of another log', { logNumber: 7 }, 'NOT_MY_TRANSACTION'],
    ['of years ago', { begunMsAgo: 3 * 365 * 86_400_000 }, 'TRANSACTION_TOO_OLD'],
    ['of the day after tomorrow', { begunMsAgo: -2 * 86_400_000 }, 'TRANSACTION_TOO_OLD'],
  ] as const)('%s is decided and registered nowhere', async (_title, origin, code) => {
    const foreign = new LedInitiator(world, origin);

    const answers = [await foreign.decide('commit', [FLIGHT]), await foreign.register([FLIGHT])];

    expect(answers.map(({ status, problem }) => [status, problem.code])).toEqual([
      [409, code],
      [409, code],
    ]);
    expect(await world.storedCount()).toBe(0);
  });
});

describe('an operator', () => {
  const ACT = { by: 'ann', reason: 'ticket 4711' };

  test('aborts what is registered and undecided; the initiator comes too late', async () => {
    await trip.register([PLAIN]);

    const { status } = await world.ask('POST', `${trip.url}/abort`, { body: ACT });
    const { problem } = await trip.decide('commit', [PLAIN]);

    expect([status, problem.code, problem.outcome]).toEqual([200, 'ALREADY_DECIDED', 'aborted']);
    expect((await trip.look('?wait=10s')).view).toMatchObject({
      state: 'aborted',
      abort: { code: 'operator' },
    });
  });

  test('has a lost branch looked at, and skips it', async () => {
    world.transport.script = (command) =>
      command.op === 'confirm' ? { outcome: 'lost', message: 'There is no row.' } : happyScript(command);
    const { view } = await trip.decide('commit', [FLIGHT], { wait: '10s' });

    const { status } = await world.ask('POST', `${trip.url}/branches/1/skip`, { body: ACT });

    expect(view.stuck).toMatchObject({ reason: 'branch-lost', branchId: '1' });
    expect(status).toBe(200);
    expect((await trip.look('?wait=10s')).view.state).toBe('committed');
  });
});
