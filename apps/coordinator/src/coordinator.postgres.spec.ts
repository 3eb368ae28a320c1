import { Catalogue } from '@atone/engine';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Problem, TransactionPage, TransactionView } from '@atone/protocol';
import { readConfiguration } from './configuration.js';
import { createCoordinator, type Coordinator } from './coordinator.js';
import { openLogger } from './ports/pino.logger.js';
import { startPlainParticipant, type PlainParticipant } from './testing/plain.participant.js';

// Two coordinators start and stop here, which takes a while where all tests run at once.
jest.setTimeout(60_000);

let database: TestDatabase;
let participant: PlainParticipant;
let coordinators: Coordinator[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  participant = await startPlainParticipant();
  coordinators = await Promise.all([start(), start()]);
  await ask(0, 'PUT /v1/participants/shop/instances/one', {
    body: {
      instance: 'one',
      baseUrl: participant.url,
      kind: 'plain',
      protocol: 1,
      actions: ['reserve', 'charge'].map((name) => ({
        name,
        hasCompensation: true,
        path: `/${name}`,
        compensatePath: `/${name}/undo`,
      })),
    },
  });
});

afterAll(async () => {
  await Promise.all(coordinators.map(async (coordinator) => coordinator.close()));
  await participant.close();
  await database.drop();
});

async function start(variables: Readonly<Record<string, string>> = {}): Promise<Coordinator> {
  return createCoordinator({
    configuration: readConfiguration({
      ATONE_DATABASE_URL: database.url,
      ATONE_HTTP_PORT: '0',
      ATONE_ACCEPT_LOSS: 'true',
      ...variables,
    }),
    logger: openLogger('silent'),
  });
}

interface Asked {
  readonly status: number;
  readonly isReplay: boolean;
  readonly body: unknown;
}

/** Asks one of the coordinators, by its position. */
async function ask(
  position: number,
  what: `${'GET' | 'POST' | 'PUT'} ${string}`,
  more: { readonly body?: unknown; readonly key?: string } = {},
): Promise<Asked> {
  const [method, path] = what.split(' ');
  const { body, key } = more;
  const answer = await fetch(`${coordinators[position]?.url}${path}`, {
    ...(method !== undefined && { method }),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isReplay = answer.headers.get('idempotent-replayed') === 'true';
  return { status: answer.status, isReplay, body: (text === '' ? undefined : JSON.parse(text)) as unknown };
}

const PLAN = {
  name: 'place-order',
  steps: ['reserve', 'charge'].map((name) => ({ name, service: 'shop', action: name, input: { sku: 'a' } })),
  tags: { customer: 'ann' },
};

describe('two coordinators on one PostgreSQL', () => {
  test('carry a transaction through, and both show it', async () => {
    const { status, body } = await ask(0, 'POST /v1/transactions?wait=10s', { body: PLAN });

    const { gid, outcome, branches } = body as TransactionView;
    expect([status, outcome]).toEqual([200, 'committed']);
    expect(branches.map(({ output }) => output)).toEqual([{ ok: true }, { ok: true }]);
    expect(participant.calls).toEqual(['/reserve', '/charge']);
    expect((await ask(1, `GET /v1/transactions/${gid}`)).body).toEqual(body);
    const { transactions } = (await ask(1, 'GET /v1/transactions?tag=customer%3Dann'))
      .body as TransactionPage;
    expect(transactions.map((each) => each.gid)).toContain(gid);
  });

  test('know the same participants', async () => {
    const [ours, theirs] = await Promise.all([0, 1].map(async (each) => ask(each, 'GET /v1/participants')));

    expect(ours?.body).toMatchObject({ participants: [{ service: 'shop', instance: 'one' }] });
    expect(theirs?.body).toEqual(ours?.body);
  });

  test('accept one key once, at whichever of them it arrives', async () => {
    await coordinators[1]?.app.get(Catalogue).refresh();

    const both = await Promise.all(
      [0, 1].map(async (each) =>
        ask(each, 'POST /v1/transactions?wait=10s', { body: PLAN, key: 'order-17' }),
      ),
    );

    expect(new Set(both.map(({ body }) => (body as TransactionView).gid)).size).toBe(1);
    expect(both.filter(({ isReplay }) => isReplay)).toHaveLength(1);
    const other = await ask(1, 'POST /v1/transactions', {
      body: { ...PLAN, name: 'other' },
      key: 'order-17',
    });
    expect([other.status, (other.body as Problem).code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  });

  test('take over from each other for an act, and both show what it did', async () => {
    const steps = [{ ...PLAN.steps[0], input: { $from: '$input', pointer: '/none' } }];
    const { body } = await ask(0, 'POST /v1/transactions', { body: { ...PLAN, steps, input: {} } });
    const { gid } = body as TransactionView;

    const acted = await ask(1, `POST /v1/transactions/${gid}/pause`, { body: { reason: 'looking' } });

    expect(acted).toMatchObject({ status: 200, body: { paused: { by: 'api', reason: 'looking' } } });
    expect((await ask(0, `GET /v1/transactions/${gid}`)).body).toMatchObject({ paused: { by: 'api' } });
  });

  test('count what there is', async () => {
    const { body } = await ask(0, 'GET /v1/counts');

    expect(body).toMatchObject({ byState: { committed: expect.any(Number) }, paused: 1 });
  });
});

describe('a coordinator whose database', () => {
  test('does not answer gives up after a while, in one sentence', async () => {
    const gone = start({ ATONE_DATABASE_URL: 'postgres://127.0.0.1:1/atone', ATONE_DATABASE_WAIT: '1s' });

    await expect(gone).rejects.toMatchObject({
      name: 'StartError',
      message:
        'The database did not answer within 1 s. The database at ATONE_DATABASE_URL (127.0.0.1:1/atone) cannot be used: connect ECONNREFUSED 127.0.0.1:1.',
    });
  });

  test('does not exist says so at once, and where it looked', async () => {
    const url = new URL(database.url);
    url.pathname = '/nowhere';

    const started = start({ ATONE_DATABASE_URL: url.href });

    await expect(started).rejects.toMatchObject({
      name: 'StartError',
      message: `The database at ATONE_DATABASE_URL (${url.host}/nowhere) cannot be used: database "nowhere" does not exist.`,
    });
  });

  test('does not let its user in says so without the password', async () => {
    const url = new URL(database.url);
    [url.username, url.password] = ['stranger', 'secret'];

    const started = start({ ATONE_DATABASE_URL: url.href });

    // How a server says it depends on how its users prove who they are.
    await expect(started).rejects.toThrow(
      /^The database at ATONE_DATABASE_URL .* cannot be used: .*"stranger"/u,
    );
    await expect(started).rejects.not.toThrow('secret');
  });

  test('may lose what it confirmed does not start, unless told to', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c synchronous_commit=off');

    const started = start({ ATONE_DATABASE_URL: url.href, ATONE_ACCEPT_LOSS: 'false' });

    await expect(started).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('synchronous_commit=off'),
    });
  });
});
