import { expect, test } from '@jest/globals';
import type { ParticipantInstance, TransactionView } from '@atone/protocol';
import type { HttpRequest, HttpResponse } from './client.ports.js';
import { createClient } from './client.js';

const PLAN = { name: 'order', steps: [{ name: 'charge', service: 'billing', action: 'charge' }] };
const ENTRY: ParticipantInstance = {
  instance: 'one',
  baseUrl: 'http://127.0.0.1:1',
  kind: 'library',
  protocol: 1,
  actions: [],
};
const UNKNOWN = { code: 'UNKNOWN_ACTION', detail: "Service 'billing' is not in the catalogue." };

/** A coordinator that knows `billing` once it has let its entry through, and a clock that a test moves. */
function coordinator() {
  const world = { isKnown: false, submittedCount: 0, keys: new Set<string | undefined>() };
  const held: (() => void)[] = [];
  const timers = new Set<() => void>();
  const gate = new Promise<void>((resolve) => void held.push(resolve));
  async function send({ method, headers }: HttpRequest): Promise<HttpResponse> {
    if (method === 'PUT') {
      await gate;
      world.isKnown = true;
      return answer(204, undefined);
    }
    world.submittedCount += 1;
    world.keys.add(headers['idempotency-key']);
    const view: Partial<TransactionView> = { gid: 'g', outcome: 'undecided', state: 'running', branches: [] };
    return world.isKnown ? answer(202, view) : answer(400, UNKNOWN);
  }
  const clock = {
    now: () => 0,
    setTimer(_delayMs: number, callback: () => void) {
      timers.add(callback);
      return { cancel: () => void timers.delete(callback) };
    },
  };
  const random = { next: () => 0.5, bytes: (count: number) => new Uint8Array(count).fill(7) };
  const client = createClient({ url: 'http://coordinator.test/' }, { send, clock, random });
  return { client, world, timers, letThrough: () => held.forEach((go) => go()) };
}

function answer(status: number, body: unknown): HttpResponse {
  const text = body === undefined ? '' : JSON.stringify(body);
  return { status, text, header: (name) => (name === 'atone-protocol' ? '1' : undefined) };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('what a service submits while it enters itself waits for that, and is then submitted by the same key', async () => {
  const { client, world, letThrough, timers } = coordinator();
  const entering = client.registerInstance('billing', ENTRY);
  const submitting = client.submitPlan(PLAN);
  await settled();
  expect(world.submittedCount).toBe(1);

  letThrough();
  await entering;

  await expect(submitting).resolves.toMatchObject({ gid: 'g' });
  expect(world.submittedCount).toBe(2);
  expect(world.keys.size).toBe(1);
  expect(timers.size).toBe(0);
});

test('it is refused where the entry takes too long', async () => {
  const { client, timers } = coordinator();
  void client.registerInstance('billing', ENTRY);
  const submitting = client.submitPlan(PLAN);
  await settled();

  timers.forEach((fire) => {
    fire();
  });

  await expect(submitting).rejects.toMatchObject({ code: 'UNKNOWN_ACTION' });
});

test('who enters nothing, or has entered before, is refused at once', async () => {
  const { client, world, letThrough } = coordinator();
  await expect(client.submitPlan(PLAN)).rejects.toMatchObject({ code: 'UNKNOWN_ACTION' });
  letThrough();
  await client.registerInstance('billing', ENTRY);
  world.isKnown = false;

  await expect(client.submitPlan(PLAN)).rejects.toMatchObject({ code: 'UNKNOWN_ACTION' });
  expect(world.submittedCount).toBe(2);
});
