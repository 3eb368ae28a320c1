import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { HEADERS, type Problem } from '@atone/protocol';
import { ledBranch, LedInitiator } from '../testing/led.initiator.js';
import { TestCoordinator } from '../testing/test.coordinator.js';
import { problemSchema } from './answer.schemas.js';

const FLIGHT = ledBranch('1');

interface Asking {
  readonly title: string;
  readonly method?: 'PUT' | 'POST';
  /** Behind `/v1/transactions`. */
  readonly path: (trip: LedInitiator) => string;
  readonly body: (trip: LedInitiator) => unknown;
}

interface Bad extends Asking {
  readonly fields?: readonly string[];
  readonly code?: Problem['code'];
}

const decision = (trip: LedInitiator) => `/${trip.gid}/decision`;
const branches = (trip: LedInitiator) => `/${trip.gid}/branches`;
const notices = () => '/notices';
const doubts = () => '/doubts';

function commit(trip: LedInitiator, own: Readonly<Record<string, unknown>> = {}) {
  return { to: 'commit', secret: trip.secret, ...trip.start, branches: [FLIGHT], ...own };
}

function registration(trip: LedInitiator, own: Readonly<Record<string, unknown>> = {}) {
  const { secretHash, start } = trip;
  return { secretHash, ...start, remainingMs: 1_000, branches: [FLIGHT], ...own };
}

function many(count: number) {
  return Array.from({ length: count }, (_, position) => ledBranch(String(position + 1)));
}

const ASKING: readonly Asking[] = [
  { title: 'a decision', method: 'PUT', path: decision, body: (trip) => commit(trip) },
  { title: 'a registration', path: branches, body: (trip) => registration(trip) },
  { title: 'a doubt', path: doubts, body: (trip) => ({ doubts: [trip.doubt(FLIGHT)] }) },
];

const NOTICE: Asking = {
  title: 'a notice',
  path: notices,
  body: (trip) => ({ notices: [trip.notice()] }),
};

const BAD: readonly Bad[] = [
  { title: 'a decision without a body', method: 'PUT', path: decision, body: () => undefined, fields: [''] },
  {
    title: 'a decision that is none',
    method: 'PUT',
    path: decision,
    body: (trip) => commit(trip, { to: 'perhaps' }),
    fields: ['/to'],
  },
  {
    title: 'a decision without a secret',
    method: 'PUT',
    path: decision,
    body: (trip) => commit(trip, { secret: undefined }),
    fields: ['/secret'],
  },
  {
    title: 'a decision of a gid that is none',
    method: 'PUT',
    path: () => '/4711/decision',
    body: (trip) => commit(trip),
    fields: ['gid'],
  },
  {
    title: 'a decision that waits too long',
    method: 'PUT',
    path: (trip) => `${decision(trip)}?wait=2m`,
    body: (trip) => commit(trip),
    fields: ['wait'],
  },
  {
    title: 'a decision with a misspelt member of a branch',
    method: 'PUT',
    path: decision,
    body: (trip) => commit(trip, { branches: [{ ...FLIGHT, nonse: 'x' }] }),
    fields: ['/branches/0/nonse'],
  },
  {
    title: 'a decision with a branch id that would not fit into a header',
    method: 'PUT',
    path: decision,
    body: (trip) => commit(trip, { branches: [{ ...FLIGHT, branchId: '1\n' }] }),
    fields: ['/branches/0/branchId'],
  },
  {
    title: 'a decision on more branches than it may hold',
    method: 'PUT',
    path: decision,
    body: (trip) => commit(trip, { branches: many(1_001) }),
    fields: ['/branches'],
  },
  {
    title: 'a decision with a tag that holds the character 0',
    method: 'PUT',
    path: decision,
    body: (trip) => commit(trip, { tags: { customer: 'a\0b' } }),
    fields: ['/tags/customer'],
  },
  {
    title: 'a decision beyond 1 MiB',
    method: 'PUT',
    path: decision,
    body: (trip) => commit(trip, { branches: [{ ...FLIGHT, input: 'x'.repeat(1_048_576) }] }),
    code: 'PAYLOAD_TOO_LARGE',
  },
  {
    title: 'a registration of nothing',
    path: branches,
    body: (trip) => registration(trip, { branches: [] }),
    fields: ['/branches'],
  },
  {
    title: 'a registration of more branches than it may hold',
    path: branches,
    body: (trip) => registration(trip, { branches: many(1_001) }),
    fields: ['/branches'],
  },
  {
    title: 'a registration that tells the secret',
    path: branches,
    body: (trip) => registration(trip, { secret: trip.secret }),
    fields: ['/secret'],
  },
  {
    title: 'a registration for two days',
    path: branches,
    body: (trip) => registration(trip, { timeoutMs: 2 * 86_400_000 }),
    fields: ['/timeoutMs'],
  },
  {
    title: 'a doubt that is older than the calendar',
    path: doubts,
    body: (trip) => ({ doubts: [trip.doubt(FLIGHT, { overdueMs: 1e17 })] }),
    fields: ['/doubts/0/overdueMs'],
  },
  {
    title: 'a doubt without a nonce',
    path: doubts,
    body: (trip) => ({ doubts: [{ ...trip.doubt(FLIGHT), nonce: undefined }] }),
    fields: ['/doubts/0/nonce'],
  },
  {
    title: 'doubts of which one makes no sense',
    path: doubts,
    body: (trip) => ({ doubts: [trip.doubt(FLIGHT), { gid: trip.gid }] }),
    fields: [
      '/doubts/1/action',
      '/doubts/1/branchId',
      '/doubts/1/epoch',
      '/doubts/1/initiator',
      '/doubts/1/kind',
      '/doubts/1/nonce',
      '/doubts/1/overdueMs',
      '/doubts/1/secretHash',
      '/doubts/1/service',
    ],
  },
  {
    title: 'more doubts than one request may hold',
    path: doubts,
    body: (trip) => ({ doubts: Array.from({ length: 201 }, () => trip.doubt(FLIGHT)) }),
    fields: ['/doubts'],
  },
  { title: 'no doubts', path: doubts, body: () => ({ doubts: [] }), fields: ['/doubts'] },
  {
    title: 'more notices than one request may hold',
    path: notices,
    body: (trip) => ({ notices: Array.from({ length: 501 }, () => trip.notice()) }),
    fields: ['/notices'],
  },
  {
    title: 'a notice of more branches than it may tell',
    path: notices,
    body: (trip) => {
      const { branchId, service, action, kind } = FLIGHT;
      const branch = { branchId, service, action, kind, state: 'returned' };
      return { notices: [trip.notice({ branches: Array.from({ length: 51 }, () => branch) })] };
    },
    fields: ['/notices/0/branches'],
  },
];

describe('a request with', () => {
  let world: TestCoordinator;

  beforeAll(async () => {
    world = await TestCoordinator.start();
  });

  afterAll(async () => {
    await world.close();
  });

  test.each(BAD)('$title is refused, and leaves no trace', async (bad) => {
    const trip = new LedInitiator(world);
    const { method = 'POST', code = 'BAD_REQUEST' } = bad;

    const { body } = await world.ask(method, `/v1/transactions${bad.path(trip)}`, { body: bad.body(trip) });

    const problem = problemSchema.parse(body);
    expect([problem.code, problem.errors?.map(({ field }) => field).toSorted()]).toEqual([code, bad.fields]);
    expect(await world.storedCount()).toBe(0);
    expect((await trip.look()).status).toBe(404);
  });

  test('a lane that is none is refused, and leaves no trace', async () => {
    const trip = new LedInitiator(world);

    const { problem } = await trip.decide('commit', [FLIGHT], { headers: { [HEADERS.lane]: '1 2' } });

    expect(problem.errors).toMatchObject([{ field: HEADERS.lane }]);
    expect(await world.storedCount()).toBe(0);
  });
});

describe('where a token is configured', () => {
  const TOKEN = 'correct-horse-battery';
  let world: TestCoordinator;

  beforeAll(async () => {
    world = await TestCoordinator.start({ environment: { ATONE_API_TOKEN: TOKEN } });
  });

  afterAll(async () => {
    await world.close();
  });

  test.each([...ASKING, NOTICE])('$title without it is refused, and leaves no trace', async (asking) => {
    const { method = 'POST', path, body } = asking;
    const trip = new LedInitiator(world);

    const asked = await world.ask(method, `/v1/transactions${path(trip)}`, { body: body(trip) });

    const { status } = await world.ask('GET', trip.url, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect([asked.status, (asked.body as Problem).code, status]).toEqual([401, 'UNAUTHORIZED', 404]);
    expect(await world.storedCount()).toBe(0);
  });

  test('a decision with it is taken', async () => {
    const { status } = await new LedInitiator(world).decide('commit', [FLIGHT], {
      headers: { authorization: `Bearer ${TOKEN}` },
    });

    expect(status).toBe(200);
  });
});

test('for how long a gid can be decided is a matter of the configuration', async () => {
  const twoDays = { begunMsAgo: 2 * 86_400_000 };
  const [asIs, short] = await Promise.all([
    TestCoordinator.start(),
    TestCoordinator.start({ environment: { ATONE_LED_MEMORY: '24h' } }),
  ]);

  const taken = await new LedInitiator(asIs, twoDays).decide('commit', [FLIGHT]);
  const refused = await new LedInitiator(short, twoDays).decide('commit', [FLIGHT]);

  expect([taken.status, refused.status, refused.problem.code]).toEqual([200, 409, 'TRANSACTION_TOO_OLD']);
  await Promise.all([asIs.close(), short.close()]);
});

describe('while the log is away', () => {
  let world: TestCoordinator | undefined;

  afterEach(async () => {
    await world?.close();
  });

  test.each(ASKING)('$title is answered with 503: nobody knows', async ({ method = 'POST', path, body }) => {
    world = await TestCoordinator.start({
      log: (log) => Object.assign(log, { insertIfAbsent: away, rows: away, get: away }),
    });
    const trip = new LedInitiator(world);

    const asked = await world.ask(method, `/v1/transactions${path(trip)}`, { body: body(trip) });

    expect([asked.status, (asked.body as Problem).code, asked.headers['retry-after']]).toEqual([
      503,
      'LOG_UNAVAILABLE',
      '2',
    ]);
  });
});

async function away(): Promise<never> {
  throw Object.assign(new Error('connection refused'), { code: 'LOG_UNAVAILABLE' });
}
