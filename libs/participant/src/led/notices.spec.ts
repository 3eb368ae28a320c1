import type { Notice } from '@atone/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sleep } from '../client.ports.js';
import { action, contract } from '../contract.js';
import { done, LedWorld, VirtualClock } from '../testing/led.world.js';
import type { GlobalTransactions } from './global.options.js';
import { callHttp } from './http.call.js';
import { Notices, type Told } from './notices.js';
import { createServiceClient, type ServiceClient } from './service.client.js';

const contractOfStock = contract('stock', {
  reserve: action({ input: z.object({ takesMs: z.number() }), output: z.object({ ok: z.boolean() }) }),
});

/** Returns what a notice tells of branches, in short. */
function toldIn({ branches = [] }: Notice): string[] {
  return branches.map(({ branchId, service, state }) => `${branchId} ${service} ${state}`);
}

describe('of a transaction the coordinator', () => {
  let world: LedWorld;
  let transactions: GlobalTransactions;
  let stock: ServiceClient<typeof contractOfStock>;

  beforeEach(() => {
    world = new LedWorld();
    transactions = world.globalTransactions();
    stock = createServiceClient(contractOfStock, { calls: world.calls() });
    world.services.set('stock', async (command) => {
      const { takesMs } = command.input as { takesMs: number };
      await sleep(world.clock, takesMs);
      return done(command);
    });
  });

  function lead(work: () => Promise<unknown>): Promise<unknown> {
    return world.clock.run(transactions.run({ name: 'place-order' }, work));
  }

  test('hears soon what has been called, and what is under way', async () => {
    await lead(async () => {
      await stock.reserve({ takesMs: 20 });
      await Promise.all([
        stock.reserve({ takesMs: 300 }),
        callHttp(() => sleep(world.clock, 300).then(() => ({ status: 200, headers: {} })), {
          label: 'POST http://mail/letters',
        }),
      ]);
    });

    const [notice, ...others] = world.coordinator.noticed;
    expect(notice).toMatchObject({ gid: world.coordinator.decisions[0]?.gid, name: 'place-order' });
    expect(notice && toldIn(notice)).toEqual(['1 stock returned', '2 stock in-flight']);
    expect(notice?.calls).toEqual([{ callId: '3', label: 'POST http://mail/letters' }]);
    expect(others).toEqual([]);
  });

  test('hears of what a nested part has called before that part has ended', async () => {
    await lead(async () => {
      await transactions.run({ name: 'part', propagation: 'NESTED' }, async () => {
        await stock.reserve({ takesMs: 20 });
        await stock.reserve({ takesMs: 300 });
      });
    });

    expect(world.coordinator.noticed.map(toldIn)).toEqual([['1 stock returned', '2 stock in-flight']]);
  });

  test('hears of it again after a second or two, then every five while its calls change, and not of its end', async () => {
    await lead(async () => {
      for (const takesMs of [1_000, 1_000, 1_000, 10_000]) {
        // oxlint-disable-next-line no-await-in-loop -- one call after the other
        await stock.reserve({ takesMs });
      }
    });
    await world.clock.pass(60_000);

    expect(world.coordinator.noticed.map((notice) => toldIn(notice).length)).toEqual([1, 3, 4]);
  });

  test('hears of the last fifty branches where there are more, and how many there are', async () => {
    await lead(async () => {
      await Promise.all(Array.from({ length: 60 }, () => stock.reserve({ takesMs: 300 })));
    });

    const [notice] = world.coordinator.noticed;
    expect(notice).toMatchObject({ branchCount: 60 });
    expect(notice?.branches?.map(({ branchId }) => branchId)).toEqual(
      Array.from({ length: 50 }, (_, position) => String(position + 11)),
    );
  });

  test('hears that it is over where there was nothing to decide', async () => {
    const refusing = lead(async () => {
      world.services.set('stock', async () => {
        await sleep(world.clock, 300);
        return { outcome: 'refused', refusal: { reason: 'none left', isStored: true } };
      });
      await stock.reserve({ takesMs: 0 });
    });

    await expect(refusing).rejects.toMatchObject({ reason: 'none left' });
    await world.clock.pass(200);
    expect(world.coordinator.decisions).toEqual([]);
    expect(world.coordinator.noticed).toMatchObject([{ branches: [{ branchId: '1' }] }, { isOver: true }]);
    expect(world.coordinator.noticed[1]?.branches).toBeUndefined();
  });

  test('hears nothing of one that ends at once with nothing to decide', async () => {
    world.services.set('stock', async () => ({
      outcome: 'refused',
      refusal: { reason: 'none left', isStored: true },
    }));

    await expect(lead(() => stock.reserve({ takesMs: 0 }))).rejects.toMatchObject({ reason: 'none left' });
    await world.clock.pass(10_000);

    expect(world.coordinator.noticed).toEqual([]);
  });
});

describe('notices', () => {
  let clock: VirtualClock;
  let requests: (readonly Notice[])[];
  let answers: (() => Promise<void>)[];
  let notices: Notices;
  let calledCount: number;

  beforeEach(() => {
    clock = new VirtualClock();
    requests = [];
    answers = [];
    calledCount = 1;
    const client = {
      notices: async (batch: readonly Notice[]) => {
        requests.push(batch);
        await answers.shift()?.();
      },
    };
    notices = new Notices(client, clock);
  });

  function told(gid: string, timeoutMs = 30_000): Told {
    return { gid, deadlineAt: clock.now() + timeoutMs, notice: () => noticeOf(gid) };
  }

  function noticeOf(gid: string): Notice {
    const branches = Array.from({ length: calledCount }, (_, position) => ({
      branchId: String(position + 1),
      service: 'stock',
      action: 'reserve',
      kind: 'saga' as const,
      state: 'returned' as const,
    }));
    const start = { name: 'place-order', initiator: 'orders', epoch: 1, timeoutMs: 30_000 };
    return { gid, ...start, secretHash: 'a'.repeat(64), branches };
  }

  function counts(): number[] {
    return requests.map((request) => request.length);
  }

  test('of many transactions share their requests', async () => {
    ['a', 'b', 'c'].forEach((gid) => notices.tell(told(gid)));

    await clock.pass(200);

    expect(counts()).toEqual([3]);
  });

  test('are dropped while too many wait for a coordinator that does not answer', async () => {
    answers.push(() => sleep(clock, 5_000));
    for (let count = 0; count < 20_000; count += 1) {
      notices.tell(told(`gid-${count}`));
    }

    await clock.pass(900);
    expect(counts()).toEqual([500]);
    await clock.pass(4_300);

    expect(counts().reduce((sum, count) => sum + count)).toBe(5_500);
  });

  test('that were dropped are told later, where the transaction lives on', async () => {
    answers.push(() => sleep(clock, 5_000));
    for (let count = 0; count < 20_000; count += 1) {
      notices.tell(told(`gid-${count}`));
    }
    await clock.pass(900);
    requests.flat().forEach(({ gid }) => notices.end(gid, 'committed'));
    notices.tell(told('late'));

    await clock.pass(6_000);

    expect(requests.flat().filter(({ gid }) => gid === 'late')).toHaveLength(1);
  });

  test('tell of a bounded number of branches in one request', async () => {
    calledCount = 50;
    for (let count = 0; count < 25; count += 1) {
      notices.tell(told(`gid-${count}`));
    }

    await clock.pass(200);

    expect(counts()).toEqual([10, 10, 5]);
  });

  test('that may not have arrived are told again, and those of transactions that have ended are not', async () => {
    answers.push(() => Promise.reject(new Error('connect ECONNREFUSED')));
    notices.tell(told('a'));
    notices.tell(told('b'));
    await clock.pass(200);

    notices.end('b', 'committed');
    await clock.pass(20_000);

    expect(requests.map((request) => request.map(({ gid }) => gid))).toEqual([['a', 'b'], ['a']]);
  });

  test('end with the deadline of a transaction whose method never ends', async () => {
    notices.tell(told('a', 9_000));
    for (let second = 0; second < 20; second += 1) {
      calledCount += 1;
      // oxlint-disable-next-line no-await-in-loop -- its calls change all the time
      await clock.pass(1_000);
    }

    expect(counts()).toEqual([1, 1, 1]);
  });

  test('are still told of a transaction whose outcome nobody knows', async () => {
    notices.tell(told('a'));

    notices.end('a', 'unknown');
    await clock.pass(200);

    expect(counts()).toEqual([1]);
  });
});
