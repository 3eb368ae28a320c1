import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract } from '../contract.js';
import { LedWorld } from '../testing/led.world.js';
import { callCarrying, callHttp } from './http.call.js';
import { createFetch } from './http.fetch.js';
import { createServiceClient } from './service.client.js';

const contractOfStock = contract('stock', {
  reserve: action({ input: z.object({ sku: z.string() }), output: z.object({ ok: z.boolean() }) }),
});

type Call = () => Promise<unknown>;

let world: LedWorld;
const breaking: (() => void)[] = [];

beforeEach(() => {
  world = new LedWorld();
  breaking.length = 0;
});

/** What gives no answer, and breaks when the test says so. */
function breaksLate(): Promise<never> {
  return new Promise((_resolve, reject) => {
    breaking.push(() => reject(new Error('socket hang up')));
  });
}

/** Breaks all that is under way. Jest fails a test that leaves a rejection to nobody. */
async function breakAll(): Promise<void> {
  breaking.forEach((breakOne) => breakOne());
  await setImmediate();
}

/** Lets happen what takes no time. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await Promise.resolve();
  }
}

function reserve(): Promise<unknown> {
  return createServiceClient(contractOfStock, { calls: world.calls({ patience: 0 }) }).reserve({ sku: 'lp' });
}

const fetchLate = createFetch(breaksLate);
const meaningOf = () => ({ isNormal: true });

function runs(work: () => Promise<unknown>): Promise<unknown> {
  return world.globalTransactions().run({ name: 'outer' }, work);
}

const CALLS: readonly [string, string, Call][] = [
  ['a client of a contract', 'stock.reserve', reserve],
  ['callHttp', 'an HTTP call', () => callHttp(breaksLate)],
  ['callCarrying', 'a message', () => callCarrying({ label: 'a message', send: breaksLate, meaningOf })],
  ['atoneFetch', 'POST http://stock', () => fetchLate('http://stock/', { method: 'POST' })],
  ['a method that joins', 'inner', () => world.globalTransactions().run({ name: 'inner' }, breaksLate)],
];

describe.each(CALLS)('a forgotten await of %s', (_what, label, call) => {
  beforeEach(() => {
    world.services.set('stock', breaksLate);
  });

  test('ends no process when the call throws after the transaction, and is logged with its name', async () => {
    const run = runs(async () => {
      void call();
      await turns();
    });

    await expect(world.clock.run(run)).rejects.toMatchObject({ code: 'CALLS_IN_FLIGHT' });
    await breakAll();
    expect(breaking).toHaveLength(1);
    expect(world.warnings).toEqual([expect.stringMatching(/^call was not awaited .*"gid":/u)]);
    expect(world.warnings[0]).toContain(label);
  });

  test('does not keep from the caller what the call threw', async () => {
    let late: Promise<unknown> = Promise.resolve();
    const run = runs(async () => {
      late = call();
      await turns();
    });
    await world.clock.run(run).catch(() => undefined);
    await breakAll();

    await expect(late).rejects.toThrow('socket hang up');
  });

  test('ends no process either when the call is made after the transaction', async () => {
    let later: Call = call;
    await world.clock.run(
      runs(async () => {
        later = AsyncResource.bind(async () => void call());
      }),
    );

    await later();
    await breakAll();
    expect(world.warnings).toEqual([expect.stringContaining('call after a global transaction')]);
  });
});
