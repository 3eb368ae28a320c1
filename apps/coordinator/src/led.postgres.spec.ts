import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { LED_BRANCH_COUNT_MAX, type Counts, type LogInfo, type TransactionPage } from '@atone/protocol';
import { readConfiguration } from './configuration.js';
import { createCoordinator, type Coordinator } from './coordinator.js';
import { openLogger } from './ports/pino.logger.js';
import { ledBranch, LedInitiator, verdictsOf, type Asking } from './testing/led.initiator.js';
import { startPlainParticipant, type PlainParticipant } from './testing/plain.participant.js';

// Two coordinators start and stop here, which takes a while where all tests run at once.
jest.setTimeout(60_000);

let database: TestDatabase;
let participant: PlainParticipant;
let coordinators: Coordinator[] = [];
let one: Asking;
let other: Asking;
let epoch: number;

beforeAll(async () => {
  database = await createTestDatabase();
  participant = await startPlainParticipant();
  coordinators = await Promise.all([start(), start()]);
  [one, other] = coordinators.map(asking) as [Asking, Asking];
  ({ epoch } = (await one.ask('GET', '/v1/log')).body as LogInfo);
  await one.ask('PUT', '/v1/participants/flight/instances/one', {
    body: {
      instance: 'one',
      baseUrl: participant.url,
      kind: 'plain',
      protocol: 1,
      actions: [
        {
          name: 'hold',
          kind: 'tcc',
          hasCompensation: true,
          path: '/holds',
          confirmPath: '/confirm',
          compensatePath: '/cancel',
        },
      ],
    },
  });
});

afterAll(async () => {
  await Promise.all(coordinators.map(async (coordinator) => coordinator.close()));
  await participant.close();
  await database.drop();
});

async function start(): Promise<Coordinator> {
  return createCoordinator({
    configuration: readConfiguration({
      ATONE_DATABASE_URL: database.url,
      ATONE_HTTP_PORT: '0',
      ATONE_ACCEPT_LOSS: 'true',
    }),
    logger: openLogger('silent'),
  });
}

/** Asks a coordinator over HTTP, as others do. */
function asking({ url: base }: Coordinator): Asking {
  return {
    ask: async (method, url, more) => {
      const { body, headers = {} } = more ?? {};
      const answer = await fetch(`${base}${url}`, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: (text === '' ? undefined : JSON.parse(text)) as unknown,
      };
    },
  };
}

const OUTBOUND = ledBranch('1', { service: 'flight', action: 'hold', nonce: undefined, input: { seats: 2 } });
const RETURN = { ...OUTBOUND, branchId: '2' };

test('what is registered at one coordinator is decided at the other, confirmed as listed and undone else', async () => {
  const trip = new LedInitiator(one, { epoch });
  await trip.register([OUTBOUND, RETURN]);

  const { status, view } = await trip.at(other).decide('commit', [OUTBOUND], { wait: '10s' });

  expect([status, view.state]).toEqual([200, 'committed']);
  expect(view.branches.map(({ state }) => state)).toEqual(['confirmed', 'compensated']);
  expect(participant.calls.toSorted()).toEqual(['/cancel', '/confirm']);
  expect((await trip.look()).view).toEqual(view);
});

test('of a commit and a doubt at the same time exactly one decides, and both are told the same', async () => {
  const branch = ledBranch('1');
  const trips = Array.from({ length: 20 }, () => new LedInitiator(one, { epoch }));

  const told = await Promise.all(
    trips.map(async (trip) => {
      const [commit, [verdict]] = await Promise.all([
        trip.decide('commit', [branch]),
        verdictsOf(other, [trip.doubt(branch)]),
      ]);
      return `${commit.problem.outcome ?? ''} ${verdict?.verdict ?? ''}`;
    }),
  );

  // While its driver brings the end in order, a branch that asks is told to wait for it.
  const legal = new Set(['committed wait', 'committed confirm', 'aborted undo']);
  expect(told.filter((each) => !legal.has(each))).toEqual([]);
});

test('what is heard at one coordinator and decided at the other is not heard of any more', async () => {
  const trip = new LedInitiator(one, { epoch });
  await trip.tell();
  const list = `/v1/transactions?name=${trip.start.name}&state=active`;
  const before = (await one.ask('GET', list)).body as TransactionPage;

  await trip.at(other).decide('abort', [], { wait: '10s' });

  const after = (await one.ask('GET', list)).body as TransactionPage;
  expect(before.transactions).toMatchObject([{ gid: trip.gid, isHearsay: true }]);
  expect(after.transactions).toEqual([]);
  expect(((await one.ask('GET', '/v1/counts')).body as Counts).hearsay).toBe(0);
});

test('a registration, and a decision, of as many branches as one may hold is taken', async () => {
  const trip = new LedInitiator(one, { epoch });
  const name = 'n'.repeat(128);
  const branches = Array.from({ length: LED_BRANCH_COUNT_MAX }, (_, position) =>
    ledBranch(`${position + 1}~`.padEnd(256, 'k'), {
      service: name,
      action: name,
      nonce: 'o'.repeat(64),
      inputHash: 'a'.repeat(64),
    }),
  );
  const registered = await trip.register(branches);

  const { status, view } = await trip.decide('abort', branches);

  expect([registered.status, status, view.branches.length]).toEqual([200, 200, LED_BRANCH_COUNT_MAX]);
});
