import type { ParticipantInstance } from '@atone/protocol';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { TestCoordinator } from '../testing/test.coordinator.js';

let world: TestCoordinator;

beforeEach(async () => {
  world = await TestCoordinator.start();
});

afterEach(() => world.close());

async function enter(instance: string, own: Partial<ParticipantInstance['actions'][number]>): Promise<void> {
  const body = {
    instance,
    baseUrl: 'http://127.0.0.1:1',
    kind: 'library',
    protocol: 1,
    actions: [{ name: 'charge', hasCompensation: true, ...own }],
  };
  const { status } = await world.ask('PUT', `/v1/participants/payments/instances/${instance}`, { body });
  expect(status).toBe(204);
}

function warnings(): readonly object[] {
  return world.lines
    .map((line) => JSON.parse(line) as { readonly msg: string })
    .filter(({ msg }) => msg === 'instances of one service offer different actions or schemas');
}

test('instances of one service that take different inputs are told of, once', async () => {
  await enter('of-the-shop', { inputSchema: { type: 'object', required: ['order'] } });
  await enter('of-a-beginner', { inputSchema: { required: ['account'], type: 'object' } });
  await enter('of-a-beginner', { inputSchema: { required: ['account'], type: 'object' } });

  expect(warnings()).toMatchObject([
    { service: 'payments', instance: 'of-a-beginner', other: 'of-the-shop', actions: ['charge'] },
  ]);
});

test('instances that offer the same in another spelling are none to tell of', async () => {
  await enter('one', { inputSchema: { type: 'object', required: ['order'] } });
  await enter('two', { inputSchema: { required: ['order'], type: 'object' }, kind: 'saga' });

  expect(warnings()).toEqual([]);
});
