import type { DecisionRequest, Doubt, RegistrationRequest } from '@atone/protocol';
import { describe, expect, test } from '@jest/globals';
import type { HttpRequest } from './client.ports.js';
import { durationMs, type Duration } from './client.duration.js';
import { createClient } from './client.js';

const GID = '01980000-0000-7000-8000-000000000001';
const VIEW = { gid: GID, outcome: 'committed', state: 'committing', branches: [] };
const START = { name: 'place-order', initiator: 'orders', epoch: 3, timeoutMs: 30_000 };
const DECISION: DecisionRequest = { to: 'commit', secret: 'ab'.repeat(32), ...START, branches: [] };
const DOUBT: Doubt = {
  gid: GID,
  branchId: '1',
  service: 'stock',
  action: 'reserve',
  kind: 'saga',
  nonce: 'abcdefgh',
  secretHash: 'cd'.repeat(32),
  epoch: 3,
  initiator: 'orders',
  overdueMs: 5,
};

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** A client whose coordinator gives these answers, the last one again and again, in no time but that of its pauses. */
function clientWith(...answers: (Answer | Error)[]) {
  const requests: HttpRequest[] = [];
  let nowMs = 0;
  const client = createClient(
    { url: 'http://coordinator.test' },
    {
      send: async (request) => {
        const answer = answers[Math.min(requests.length, answers.length - 1)];
        requests.push(request);
        if (answer === undefined || answer instanceof Error) {
          throw answer ?? new Error('no answer');
        }
        const text = answer.body === undefined ? '' : JSON.stringify(answer.body);
        return { status: answer.status, text, header: () => undefined };
      },
      clock: {
        now: () => nowMs,
        setTimer(delayMs, callback) {
          nowMs += delayMs;
          queueMicrotask(callback);
          return { cancel: () => undefined };
        },
      },
      random: { next: () => 0.5, bytes: (count) => new Uint8Array(count) },
    },
  );
  return { client, requests, now: () => nowMs };
}

/** A client of a coordinator whose transaction does not end: it holds what it may, and all but the first `lostCount` are answered. */
function holdingClient(lostCount: number) {
  let nowMs = 0;
  let count = 0;
  const client = createClient(
    { url: 'http://coordinator.test' },
    {
      send: async ({ url, timeoutMs }) => {
        count += 1;
        const heldMs = durationMs((new URL(url).searchParams.get('wait') ?? '0s') as Duration);
        if (count <= lostCount || heldMs > timeoutMs) {
          nowMs += timeoutMs;
          throw new Error('no answer');
        }
        nowMs += heldMs;
        return { status: 200, text: JSON.stringify(VIEW), header: () => undefined };
      },
      clock: {
        now: () => nowMs,
        setTimer(delayMs, callback) {
          nowMs += delayMs;
          queueMicrotask(callback);
          return { cancel: () => undefined };
        },
      },
      random: { next: () => 0.5, bytes: (size) => new Uint8Array(size) },
    },
  );
  return { client, now: () => nowMs };
}

function problem(status: number, code: string, more: object = {}): Answer {
  return {
    status,
    body: { type: 'about:blank', title: code, status, detail: `Because ${code}.`, code, ...more },
  };
}

describe('a decision', () => {
  test('is put to the transaction, and asked for again with the same words while no answer comes', async () => {
    const { client, requests } = clientWith(new Error('socket hang up'), problem(500, 'INTERNAL'), {
      status: 200,
      body: VIEW,
    });

    expect(await client.decide(GID, DECISION)).toEqual(VIEW);
    expect(requests).toHaveLength(3);
    expect(new Set(requests.map(({ method, url, body }) => `${method} ${url} ${body ?? ''}`))).toEqual(
      new Set([`PUT http://coordinator.test/v1/transactions/${GID}/decision ${JSON.stringify(DECISION)}`]),
    );
  });

  test('that was made otherwise tells how', async () => {
    const { client } = clientWith(problem(409, 'ALREADY_DECIDED', { outcome: 'aborted' }));

    await expect(client.decide(GID, DECISION)).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
      outcome: 'aborted',
    });
  });

  test('is waited for until all branches are ended', async () => {
    const ended = { ...VIEW, state: 'committed' };
    const { client, requests } = clientWith({ status: 200, body: VIEW }, { status: 200, body: ended });

    expect(await client.decide(GID, DECISION, { wait: '5s' })).toEqual(ended);
    expect(requests.map(({ url }) => new URL(url).search)).toEqual(['?wait=5s', '?wait=4800ms']);
  });

  test.each([
    ['5s', 'holds it', 0],
    ['30s', 'holds it', 0],
    ['5s', 'does not answer while it holds it', 1],
    ['30s', 'does not answer while it holds it', 1],
  ] as const)(
    'is not waited for longer than %s and a second, whose coordinator %s',
    async (wait, _how, lostCount) => {
      const { client, now } = holdingClient(lostCount);

      expect(await client.decide(GID, DECISION, { wait })).toEqual(VIEW);
      expect(now()).toBeGreaterThan(4_000);
      expect(now()).toBeLessThanOrEqual(Number.parseInt(wait, 10) * 1_000 + 1_200);
    },
  );

  test('is given up after the patience of the call', async () => {
    const { client, now } = clientWith(new Error('socket hang up'));

    await expect(client.decide(GID, DECISION, { patience: '3s' })).rejects.toMatchObject({
      code: 'COORDINATOR_UNREACHABLE',
      gid: GID,
    });
    expect(now()).toBeLessThanOrEqual(3_000);
  });
});

describe('other calls of led transactions', () => {
  test('branches are registered, again and again while no answer comes', async () => {
    const { to: _to, secret: _secret, ...start } = DECISION;
    const request: RegistrationRequest = {
      ...start,
      secretHash: DOUBT.secretHash,
      remainingMs: 9_000,
      branches: [{ branchId: '1', service: 'stock', action: 'reserve', kind: 'saga' }],
    };
    const { client, requests } = clientWith(new Error('socket hang up'), { status: 201, body: VIEW });

    expect(await client.registerBranches(GID, request)).toEqual(VIEW);
    expect(requests.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual(
      Array(2).fill(`POST /v1/transactions/${GID}/branches`),
    );
  });

  test('notices are told once', async () => {
    const { client, requests } = clientWith(new Error('socket hang up'));

    await expect(client.notices([{ gid: GID, ...START, secretHash: DOUBT.secretHash }])).rejects.toThrow(
      'socket hang up',
    );
    expect(requests).toHaveLength(1);
  });

  test('what the log is can be known', async () => {
    const info = { logNumber: 1, epoch: 3, now: '2026-01-01T00:00:00.000Z', timeoutMaxMs: 1_000 };

    expect(await clientWith({ status: 200, body: info }).client.logInfo()).toEqual(info);
    await expect(clientWith({ status: 200, body: {} }).client.logInfo()).rejects.toThrow('tells of no log');
  });

  test('verdicts come for each doubt in its turn', async () => {
    const verdict = { gid: GID, branchId: '1', verdict: 'undo' };

    expect(await clientWith({ status: 200, body: { verdicts: [verdict] } }).client.ask([DOUBT])).toEqual([
      verdict,
    ]);
  });

  test.each([
    ['none', []],
    ['one about another branch', [{ gid: GID, branchId: '2', verdict: 'undo' }]],
    ['one that makes no sense', [{ gid: GID, branchId: '1', verdict: 'perhaps' }]],
  ])('%s is no verdict, and nothing is done by it', async (_title, verdicts) => {
    const { client } = clientWith({ status: 200, body: { verdicts } });

    await expect(client.ask([DOUBT])).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER' });
  });
});
