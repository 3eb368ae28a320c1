import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract } from '../contract.js';
import { done, LedWorld } from '../testing/led.world.js';
import type { GlobalTransactions } from './global.options.js';
import { createServiceClient, type ServiceClient } from './service.client.js';
import { currentTransaction } from './transaction.context.js';

const contractOfStock = contract('stock', {
  reserve: action({ input: z.object({ sku: z.string() }), output: z.object({ ok: z.boolean() }) }),
});

let world: LedWorld;
let transactions: GlobalTransactions;
let stock: ServiceClient<typeof contractOfStock>;

beforeEach(() => {
  world = new LedWorld();
  world.services.set('stock', async (command) => done(command));
  transactions = world.globalTransactions();
  stock = createServiceClient(contractOfStock, { calls: world.calls() });
});

/** Leads a transaction that ends when `work` does. */
function lead(work: () => Promise<unknown>): Promise<unknown> {
  return world.clock.run(transactions.run({ name: 'outer' }, work));
}

/** Runs `work` as a part that is undone alone. */
function nest(work: () => Promise<unknown>): Promise<unknown> {
  return transactions.run({ name: 'part', propagation: 'NESTED' }, work);
}

function reserve(): Promise<unknown> {
  return stock.reserve({ sku: 'lp' });
}

/** Something that ends when the test says so. */
function gate(): { readonly opened: Promise<void>; open(this: void): void } {
  const waiting: (() => void)[] = [];
  const opened = new Promise<void>((resolve) => {
    waiting.push(resolve);
  });
  return { opened, open: () => waiting.forEach((resolve) => resolve()) };
}

function idsOf(branches: readonly { branchId: string }[] = []): string[] {
  return branches.map(({ branchId }) => branchId);
}

/** Leads a transaction that ends as `end` says while a nested part of it is under way; returns what becomes of the part. */
async function outlive(
  part: (over: Promise<void>) => Promise<unknown>,
  end: () => void = () => {
    throw new Error('outer no');
  },
): Promise<{ readonly outer: unknown; readonly part: PromiseSettledResult<unknown> | undefined }> {
  const over = gate();
  let late: Promise<unknown> = Promise.resolve();
  const outer = await lead(async () => {
    const called = gate();
    late = nest(async () => {
      await reserve();
      called.open();
      return part(over.opened);
    });
    late.catch(() => undefined);
    await called.opened;
    // What it calls leaves this process.
    await setImmediate();
    end();
  }).catch((error: unknown) => error);
  over.open();
  const [settled] = await world.clock.run(Promise.allSettled([late]));
  return { outer, part: settled };
}

describe('a nested part that outlives the method around it', () => {
  test('is undone at once with all that it has called', async () => {
    await outlive((over) => over);

    const { to, branches, thrown } = world.coordinator.decision ?? {};
    expect([to, idsOf(branches), idsOf(thrown)]).toEqual(['abort', [], ['1']]);
  });

  test('is undone with what it is calling, and with the parts in it', async () => {
    await outlive(async (over) => {
      world.services.set('stock', () => new Promise(() => undefined));
      const call = reserve();
      const part = nest(async () => {
        await reserve();
        await over;
      });
      await Promise.allSettled([call, part]);
    });

    expect(idsOf(world.coordinator.decision?.thrown).toSorted()).toEqual(['1', '2', '3']);
  });

  test('is over: it calls nobody any more, and does not return as if it were kept', async () => {
    const { part } = await outlive(async (over) => {
      await over;
      const code = await reserve().catch(({ code: told }: { code: string }) => told);
      return { code, transaction: currentTransaction() };
    });

    expect(part).toMatchObject({ status: 'rejected', reason: { code: 'TRANSACTION_OVER' } });
    expect(world.commands).toHaveLength(1);
  });

  test('throws its own error, should it throw', async () => {
    const { part } = await outlive(async (over) => {
      await over;
      throw new RangeError('part no');
    });

    expect(part).toMatchObject({ status: 'rejected', reason: { message: 'part no' } });
  });

  test('hears of the abort, and of nothing else', async () => {
    const seen: string[] = [];

    await outlive(async (over) => {
      currentTransaction()?.afterCommit(() => seen.push('committed'));
      currentTransaction()?.afterAbort(() => seen.push('aborted'));
      await over;
    });

    expect(seen).toEqual(['aborted']);
  });

  test('keeps the whole from being committed, should the method return without it', async () => {
    const { outer } = await outlive(
      (over) => over,
      () => undefined,
    );

    expect(outer).toMatchObject({ code: 'CALLS_IN_FLIGHT', calls: ["'part'"] });
    expect(idsOf(world.coordinator.decision?.thrown)).toEqual(['1']);
  });
});
