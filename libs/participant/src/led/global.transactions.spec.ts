import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { gidLogNumber, gidTimeMs } from '@atone/core';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract } from '../contract.js';
import { done, LedWorld, noAnswer, refusal } from '../testing/led.world.js';
import { outcomeOfError } from './error.outcome.js';
import type { GlobalTransactions, TransactionOptions } from './global.options.js';
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

type Work<Result> = () => Promise<Result>;

function lead<Result>(
  work: Work<Result>,
  options: Partial<TransactionOptions<Result>> = {},
): Promise<Result> {
  return world.clock.run(transactions.run({ name: 'place-order', ...options }, work));
}

function reserve(): Promise<unknown> {
  return stock.reserve({ sku: 'lp' });
}

/** Sends a call that is not answered as long as anybody waits, and does not wait. */
async function leaveInFlight(): Promise<void> {
  world.services.set('stock', () => new Promise(() => undefined));
  reserve().catch(() => undefined);
  await setImmediate();
}

function ids(branches: readonly { branchId: string }[] = []): string[] {
  return branches.map(({ branchId }) => branchId);
}

function inner<Result>(
  work: Work<Result>,
  options: Partial<TransactionOptions<Result>> = {},
): Promise<Result> {
  return transactions.run({ name: 'inner', ...options }, work);
}

async function gid(): Promise<string | undefined> {
  return currentTransaction()?.gid;
}

/** Returns with which code a nested part throws. */
function codeOfNested(work: Work<unknown>): Promise<unknown> {
  return inner(work, { propagation: 'NESTED' }).catch(({ code }: { code: string }) => code);
}

describe('a global transaction', () => {
  test('commits what its calls have enlisted, with its secret, when the method returns', async () => {
    const result = await lead(
      async () => {
        await Promise.all([reserve(), reserve()]);
        return 'placed';
      },
      { tags: { order: '7' }, timeout: '10s', lane: 'blue' },
    );

    const { decisions, decision } = world.coordinator;
    expect(result).toBe('placed');
    expect(decisions).toHaveLength(1);
    expect(decision).toMatchObject({
      to: 'commit',
      name: 'place-order',
      initiator: 'orders',
      epoch: 1,
      timeoutMs: 10_000,
      tags: { order: '7' },
      lane: 'blue',
    });
    expect(ids(decision?.branches)).toEqual(['1', '2']);
    const hash = createHash('sha256')
      .update(decision?.secret ?? '')
      .digest('hex');
    expect(world.commands[0]?.led?.secretHash).toBe(hash);
  });

  test('has a gid of the log that decides it, minted by the clock of that log', async () => {
    const minted = (await lead(gid)) ?? '';

    expect(gidLogNumber(minted)).toBe(7);
    expect(gidTimeMs(minted)).toBe(world.ports.time.now());
  });

  test('without calls costs nothing: nobody hears of it, whether it returns or throws', async () => {
    await lead(async () => undefined);
    await expect(lead(() => Promise.reject(new Error('no')))).rejects.toMatchObject({ outcome: 'aborted' });
    await world.clock.pass(1_000);

    expect(world.coordinator).toMatchObject({ decisions: [], noticed: [], logInfoCount: 1 });
  });

  test('that is decided at once is told to nobody before', async () => {
    await Promise.all(Array.from({ length: 3 }, () => lead(async () => [await reserve(), await reserve()])));
    await world.clock.pass(200);

    expect(world.coordinator.decisions).toHaveLength(3);
    expect(world.coordinator.noticed).toEqual([]);
  });

  test('learns of a new life of the log in the background', async () => {
    await lead(reserve);
    world.coordinator.epoch = 2;
    await world.clock.pass(31_000);
    await lead(reserve);

    await lead(reserve);

    expect(world.coordinator.decisions.map(({ request }) => request.epoch)).toEqual([1, 1, 2]);
  });

  test.each([
    ['an option', { timout: '5s' }, "there is no option 'timout'. Perhaps 'timeout' was meant."],
    [
      'a propagation',
      { propagation: 'REQUIRES_NEV' },
      "is 'REQUIRES_NEV'. Perhaps 'REQUIRES_NEW' was meant.",
    ],
  ])('does not begin with %s that is misspelt', async (_what, options, problem) => {
    const run = lead(reserve, options as object);

    await expect(run).rejects.toMatchObject({ code: 'MISUSE', message: expect.stringContaining(problem) });
    expect(world.commands).toEqual([]);
  });

  test('may wait until all is confirmed', async () => {
    await lead(reserve, { wait: 'confirmed', waitTimeout: '3s' });

    expect(world.coordinator.decisions[0]?.options).toMatchObject({ wait: '3s' });
  });
});

describe('a method that throws', () => {
  test('aborts, and its own error leaves it with the gid and the outcome', async () => {
    const error = new TypeError('no');

    const thrown = await lead(async () => {
      await reserve();
      throw error;
    }).catch((caught: unknown) => caught);

    expect(thrown).toBe(error);
    expect(thrown).toMatchObject({ gid: world.coordinator.decisions[0]?.gid, outcome: 'aborted' });
    expect(world.coordinator.decision).toMatchObject({
      to: 'abort',
      message: 'TypeError: no',
      branches: [{ branchId: '1' }],
    });
  });

  test('may throw what is frozen, or has a gid of its own', async () => {
    const frozen = Object.freeze(new Error('frozen'));
    const own = Object.assign(new Error('own'), { gid: 'mine' });

    await expect(lead(() => Promise.reject(frozen))).rejects.toBe(frozen);
    await expect(lead(() => Promise.reject(own))).rejects.toMatchObject({ gid: 'mine', outcome: 'aborted' });
    // oxlint-disable-next-line prefer-promise-reject-errors -- anything can be thrown
    await expect(lead(() => Promise.reject('text'))).rejects.toBe('text');
    expect(outcomeOfError(frozen)).toMatchObject({ outcome: 'aborted' });
  });

  test('leaves it undecided when the abort does not get through, and goes on telling', async () => {
    world.coordinator.troubles.push(
      { error: noAnswer(), isDone: false },
      { error: noAnswer(), isDone: false },
    );

    const thrown = lead(async () => {
      await reserve();
      throw new Error('no');
    });

    await expect(thrown).rejects.toMatchObject({ outcome: 'undecided' });
    await world.clock.pass(60_000);
    expect([...world.coordinator.outcomes.values()]).toEqual(['aborted']);
  });

  test('commits all the same where it says so', async () => {
    const run = lead(
      async () => {
        await reserve();
        throw new RangeError('warning');
      },
      { commitOn: (error) => error instanceof RangeError },
    );

    await expect(run).rejects.toMatchObject({ message: 'warning', outcome: 'committed' });
  });
});

describe('a method that returns', () => {
  test('aborts where it says so for its result, and the result comes back', async () => {
    const result = await lead(async () => [await reserve(), 'left'][1], {
      abortOn: (value) => value === 'left',
    });

    expect([result, world.coordinator.decision?.to]).toEqual(['left', 'abort']);
  });

  test('aborts when its rule throws: nobody knows what it would have said', async () => {
    await lead(reserve, {
      abortOn: () => {
        throw new Error('rule');
      },
    });

    expect(world.coordinator.decision?.to).toBe('abort');
  });

  test('throws when it was marked for abort', async () => {
    const run = lead(async () => {
      currentTransaction()?.setAbortOnly('fraud');
      await reserve();
    });

    await expect(run).rejects.toMatchObject({
      code: 'TRANSACTION_ABORTED',
      reason: 'fraud',
      outcome: 'aborted',
    });
    expect(world.coordinator.decision).toMatchObject({ to: 'abort', message: 'fraud' });
  });

  test('aborts and throws while calls are in flight, and names them', async () => {
    const run = lead(leaveInFlight);

    await expect(run).rejects.toMatchObject({ code: 'CALLS_IN_FLIGHT', calls: ['stock.reserve (call 1)'] });
    expect(world.coordinator.decision).toMatchObject({
      to: 'abort',
      branches: [],
      thrown: [{ branchId: '1' }],
    });
  });

  test('aborts and throws after its deadline', async () => {
    const run = lead(
      async () => {
        await reserve();
        world.clock.nowMs += 2_000;
      },
      { timeout: '1s' },
    );

    await expect(run).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT', outcome: 'aborted' });
    expect(world.coordinator.decision?.to).toBe('abort');
  });

  test('cannot be used after its end', async () => {
    let late: Work<unknown> = reserve;
    await lead(async () => {
      await reserve();
      const { AsyncResource } = await import('node:async_hooks');
      late = AsyncResource.bind(() => reserve());
    });

    await expect(late()).rejects.toMatchObject({ code: 'TRANSACTION_OVER' });
  });
});

describe('a commit', () => {
  test('that lost against an earlier abort throws, and tells that it is aborted', async () => {
    const run = lead(async () => {
      await reserve();
      world.coordinator.outcomes.set(currentTransaction()?.gid ?? '', 'aborted');
    });

    await expect(run).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED', outcome: 'aborted' });
  });

  test('that is refused is aborted instead', async () => {
    world.coordinator.troubles.push({ error: refusal('BRANCH_CONFLICT'), isDone: false });

    await expect(lead(reserve)).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' });
    expect(world.coordinator.decision?.to).toBe('abort');
  });

  test('that is refused, and whose abort is not confirmed, is unknown: an earlier attempt may have got through', async () => {
    const error = refusal('UNAUTHORIZED');
    world.coordinator.troubles.push({ error, isDone: true }, { error, isDone: true });

    await expect(lead(reserve)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringMatching(/not confirmed \(.* UNAUTHORIZED\)\. Look it up/u),
    });
  });

  test('that is refused after it got through returns, since nothing can change it', async () => {
    world.coordinator.troubles.push({ error: refusal('UNAUTHORIZED'), isDone: true });

    expect(await lead(reserve)).toEqual({ ok: true });
  });

  test.each([true, false])(
    'without an answer is unknown, never aborted, and settled later (written: %s)',
    async (isDone) => {
      const seen: string[] = [];
      world.coordinator.troubles.push({ error: noAnswer(), isDone });

      const run = lead(async () => {
        currentTransaction()?.afterCommit(() => seen.push('committed'));
        currentTransaction()?.afterAbort(() => seen.push('aborted'));
        await reserve();
      });

      await expect(run).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
      expect(seen).toEqual([]);
      await world.clock.pass(10_000);
      expect(seen).toEqual(['committed']);
      expect(world.coordinator.decisions.map(({ request }) => request.to)).toEqual(['commit', 'commit']);
    },
  );

  test('to a restored log is unknown, and the next transaction knows its new life', async () => {
    world.coordinator.troubles.push({ error: refusal('LOG_RESTORED'), isDone: false });
    world.coordinator.epoch = 2;
    await lead(async () => undefined);
    world.coordinator.epoch = 3;

    const run = lead(reserve);

    await expect(run).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringMatching(/log was restored .* until a person decides/u),
      cause: { code: 'LOG_RESTORED' },
    });
    await lead(reserve);
    expect(world.coordinator.decisions.map(({ request }) => request.epoch)).toEqual([2, 3]);
  });

  test('runs what waits for it one after the other, and logs what that throws', async () => {
    const seen: number[] = [];

    await lead(async () => {
      const transaction = currentTransaction();
      transaction?.afterCommit(() => Promise.reject(new Error('mail server')));
      transaction?.afterCommit(() => void seen.push(currentTransaction() === undefined ? 1 : 2));
      transaction?.afterAbort(() => void seen.push(3));
    });

    expect(seen).toEqual([1]);
    expect(world.warnings).toEqual([expect.stringContaining('mail server')]);
  });
});

describe('propagation', () => {
  test.each([
    ['REQUIRED', 'same', 'new'],
    ['MANDATORY', 'same', 'NO_TRANSACTION'],
    ['SUPPORTS', 'same', 'none'],
    ['NESTED', 'same', 'new'],
    ['REQUIRES_NEW', 'new', 'new'],
    ['NOT_SUPPORTED', 'none', 'none'],
    ['NEVER', 'TRANSACTION_PRESENT', 'none'],
  ] as const)('%s inside of a transaction: %s, outside: %s', async (propagation, inside, outside) => {
    const told = async (around: string | undefined): Promise<string> => {
      const own = await inner(gid, { propagation }).catch(({ code }: { code: string }) => code);
      if (own === undefined || /^[A-Z_]+$/u.test(own)) {
        return own ?? 'none';
      }
      return own === around ? 'same' : 'new';
    };

    expect(await lead(async () => told(await gid()))).toBe(inside);
    expect(await world.clock.run(told(undefined))).toBe(outside);
  });

  test('a joined method that throws leaves nothing that could be committed, though the error is caught', async () => {
    const run = lead(async () => {
      await inner(async () => {
        await reserve();
        throw new Error('inner no');
      }).catch(() => undefined);
    });

    await expect(run).rejects.toMatchObject({
      code: 'TRANSACTION_ABORTED',
      reason: expect.stringContaining('inner no'),
    });
  });

  test('a nested method that throws is undone alone', async () => {
    await lead(async () => {
      await reserve();
      await inner(
        async () => {
          await reserve();
          throw new Error('inner no');
        },
        { propagation: 'NESTED' },
      ).catch(() => undefined);
      await inner(reserve, { propagation: 'NESTED' });
    });

    const { to, branches, thrown } = world.coordinator.decision ?? {};
    expect([to, ids(branches), ids(thrown)]).toEqual(['commit', ['1', '3'], ['2']]);
  });

  test('a nested method that is marked for abort, or leaves calls in flight, throws and is undone', async () => {
    const codes = await lead(async () => {
      return [
        await codeOfNested(async () => {
          await reserve();
          currentTransaction()?.setAbortOnly('no');
        }),
        await codeOfNested(leaveInFlight),
      ];
    });

    expect(codes).toEqual(['TRANSACTION_ABORTED', 'CALLS_IN_FLIGHT']);
    expect(ids(world.coordinator.decision?.thrown)).toEqual(['1', '2']);
  });

  test('a joined method that is not awaited is in flight, and named', async () => {
    const run = lead(async () => {
      await reserve();
      void inner(() => new Promise(() => undefined));
    });

    await expect(run).rejects.toMatchObject({ calls: ["'inner'"] });
  });

  test('a new transaction inside of another is decided for itself', async () => {
    await lead(async () => {
      await inner(reserve, { propagation: 'REQUIRES_NEW' });
      throw new Error('outer no');
    }).catch(() => undefined);

    expect(world.coordinator.decisions.map(({ request }) => request.to)).toEqual(['commit']);
  });
});
