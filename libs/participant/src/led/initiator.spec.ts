import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract } from '../contract.js';
import { done, LedWorld } from '../testing/led.world.js';
import type { GlobalTransactionsOptions } from './global.options.js';
import { createServiceClient } from './service.client.js';

const contractOfStock = contract('stock', {
  reserve: action({ input: z.object({ sku: z.string() }), output: z.object({ ok: z.boolean() }) }),
});

/** Returns a world whose initiator has the coordinator take `callCount` calls at once, each with `belowCount` branches below it. */
async function afterCalls(
  { callCount, belowCount, aborts = false }: { callCount: number; belowCount: number; aborts?: boolean },
  options: Partial<GlobalTransactionsOptions> = {},
): Promise<LedWorld> {
  const world = new LedWorld(options);
  world.services.set('stock', async (command) => {
    const below = Array.from({ length: belowCount }, (_, position) => ({
      branchId: `${command.branchId}~k.${position + 1}`,
      service: 'a',
      action: 'b',
      kind: 'saga' as const,
    }));
    return done(command, { below });
  });
  const stock = createServiceClient(contractOfStock, { calls: world.calls() });
  const calls = Array.from({ length: callCount });
  const work = (): Promise<unknown> => Promise.all(calls.map(() => stock.reserve({ sku: 'lp' })));
  const run = world.globalTransactions().run({ name: 'place-order', abortOn: () => aborts }, work);
  await world.clock.run(run);
  return world;
}

function registeredCounts({ coordinator }: LedWorld): readonly number[] {
  return coordinator.registrations.map(({ request }) => request.branches.length);
}

test('a commit of more branches than a request holds registers them first', async () => {
  const world = await afterCalls({ callCount: 1, belowCount: 1_200 });

  expect(registeredCounts(world)).toEqual([1_000, 201]);
  expect(world.coordinator.decision).toMatchObject({
    branches: [],
    registered: [{ prefix: '1', count: 1_201 }],
  });
});

test('a commit of more branches than its initiator wants to send registers them first', async () => {
  const world = await afterCalls({ callCount: 3, belowCount: 0 }, { branchCountMax: 2 });

  expect(registeredCounts(world)).toEqual([3]);
  expect(world.coordinator.decision).toMatchObject({
    branches: [],
    registered: ['1', '2', '3'].map((prefix) => ({ prefix, count: 1 })),
  });
});

test('no more branches are sent with a commit than a request holds, whatever the initiator wants', async () => {
  const world = await afterCalls({ callCount: 1, belowCount: 1_200 }, { branchCountMax: 2_000 });

  expect(registeredCounts(world)).toEqual([1_000, 201]);
});

test('an abort registers nothing: what finds no room in it asks for itself', async () => {
  const world = await afterCalls({ callCount: 3, belowCount: 0, aborts: true }, { branchCountMax: 2 });

  expect(registeredCounts(world)).toEqual([]);
  expect(world.coordinator.decision?.branches).toHaveLength(3);
});
