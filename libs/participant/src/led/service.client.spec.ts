import { checkSignature, type BranchCommand } from '@atone/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchReply } from '@atone/core';
import { z } from 'zod';
import { NotConnectedError } from '../client.ports.js';
import { action, contract, tryAction } from '../contract.js';
import { MisuseError } from '../participant.error.js';
import { done, LedWorld } from '../testing/led.world.js';
import { createServiceClient, type ServiceCallsOptions } from './service.client.js';
import type { ServiceWays } from './service.directory.js';

const payments = contract('payments', {
  hold: tryAction({ input: z.object({ cents: z.int().default(1) }), output: z.object({ ok: z.boolean() }) }),
  ping: action({ input: z.void(), output: z.void() }),
});

let world: LedWorld;

beforeEach(() => {
  world = new LedWorld();
});

function client(options: Partial<ServiceCallsOptions> = {}) {
  return createServiceClient(payments, { calls: world.calls(options) });
}

/** Answers the attempts one after the other; the last reply again and again. */
function answer(...replies: ((command: BranchCommand) => BranchReply | undefined)[]): void {
  let count = 0;
  world.services.set('payments', async (command) => {
    const reply = replies[Math.min(count, replies.length - 1)]?.(command);
    count += 1;
    if (reply === undefined) {
      throw new Error('socket hang up');
    }
    return reply;
  });
}

function lead<Result>(work: () => Promise<Result>): Promise<Result> {
  return world.clock.run(world.globalTransactions().run({ name: 'place-order' }, work));
}

const unknown = (errorClass: 'error' | 'code') => (): BranchReply => ({
  outcome: 'unknown',
  error: { class: errorClass, message: 'the handler threw' },
});

describe('a call of a service client', () => {
  test('brings the answer, and its branch stands on the list as the participant enlisted it', async () => {
    answer((command) => done(command, { kind: 'tcc' }));

    const output = await lead(() => client().hold({ cents: 5 }));

    expect(output).toEqual({ ok: true });
    expect(world.coordinator.decision?.branches).toEqual([
      {
        branchId: '1',
        service: 'payments',
        action: 'hold',
        kind: 'tcc',
        nonce: 'nonce-of-1',
        inputHash: expect.stringMatching(/^[0-9a-f]{64}$/u),
      },
    ]);
  });

  test('tells the participant who leads, how long it may take, and nothing of the secret', async () => {
    answer(done);

    await lead(() => client().hold({ cents: 5 }));

    const [command] = world.commands;
    expect(command).toMatchObject({
      branchId: '1',
      op: 'action',
      round: 1,
      attempt: 1,
      input: { cents: 5 },
      led: { initiator: 'orders', epoch: 1, secretHash: expect.any(String), timeoutMs: 30_000 },
      remainingMs: 30_000,
    });
    expect(JSON.stringify(command)).not.toContain(world.coordinator.decision?.secret);
  });

  test('is made again under the same id while nobody knows what became of it', async () => {
    answer(
      () => undefined,
      unknown('error'),
      () => ({ outcome: 'not-yet', retryAfterMs: 20 }),
      done,
    );

    await lead(() => client().hold({ cents: 5 }));

    expect(world.commands.map(({ branchId, attempt }) => [branchId, attempt])).toEqual([
      ['1', 1],
      ['1', 2],
      ['1', 3],
      ['1', 4],
    ]);
    expect(world.coordinator.decision?.branches).toHaveLength(1);
  });

  test('that is refused throws what the participant said, and there is nothing to undo', async () => {
    answer(() => ({
      outcome: 'refused',
      refusal: { reason: 'no money', details: { left: 3 }, isStored: true },
    }));

    const call = lead(() => client().hold({ cents: 5 }));

    await expect(call).rejects.toMatchObject({
      name: 'RefusedError',
      message: 'payments.hold refused: no money',
      reason: 'no money',
      details: { left: 3 },
    });
    expect(world.coordinator.decisions).toEqual([]);
  });

  test('that comes after its undo is refused as already cancelled', async () => {
    answer(() => ({ outcome: 'already-undone' }));

    await expect(lead(() => client().hold({ cents: 5 }))).rejects.toMatchObject({
      reason: 'already cancelled',
    });
  });

  test('whose outcome stays unknown throws, and is undone though the rest is committed', async () => {
    answer(() => undefined);
    world.services.set('mail', async (command) => done(command));
    const mail = contract('mail', {
      send: action({ input: z.object({}), output: z.object({ ok: z.boolean() }) }),
    });
    const mails = createServiceClient(mail, { calls: world.calls() });

    const caught = await lead(async () => {
      const error: unknown = await client()
        .hold({ cents: 5 })
        .catch((thrown: unknown) => thrown);
      await mails.send({});
      return error;
    });

    expect(caught).toMatchObject({ code: 'UNKNOWN_OUTCOME', branchId: '1', errorClass: 'unreachable' });
    expect(world.coordinator.decision).toMatchObject({
      to: 'commit',
      branches: [{ branchId: '2' }],
      thrown: [{ branchId: '1', service: 'payments', action: 'hold', kind: 'tcc' }],
    });
  });

  test('of a service that nobody knows throws at once, has done nothing, and there is nothing to undo', async () => {
    const directory = { waysTo: () => Promise.reject(new MisuseError('No instance is known.')) };

    const call = lead(() => client({ directory }).hold({ cents: 5 }));

    await expect(call).rejects.toMatchObject({
      code: 'NOT_SENT',
      branchId: '1',
      errorClass: 'code',
      message: expect.stringContaining('payments.hold was not called, and nothing was done there: '),
    });
    expect(world.coordinator.decisions).toEqual([]);
  });

  test('that finds nobody to connect to, however often it tries, throws and leaves nothing to undo', async () => {
    world.send = () => Promise.reject(new NotConnectedError('connect ECONNREFUSED'));

    await expect(lead(() => client().hold({ cents: 5 }))).rejects.toMatchObject({
      code: 'NOT_SENT',
      errorClass: 'unreachable',
    });
    expect(world.coordinator.decisions).toEqual([]);
  });

  test('whose first attempt may have arrived is undone, though nobody is there any more for the next', async () => {
    let count = 0;
    world.send = () => {
      count += 1;
      return Promise.reject(count === 1 ? new Error('socket hang up') : new NotConnectedError('refused'));
    };

    await expect(lead(() => client().hold({ cents: 5 }))).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(world.coordinator.decision).toMatchObject({ to: 'abort', thrown: [{ branchId: '1' }] });
  });

  test('that is given up before it is known where to send it is not sent any more', async () => {
    const directory = { waysTo: () => new Promise<ServiceWays>(later) };
    function later(resolve: (ways: ServiceWays) => void): void {
      world.clock.setTimer(3_000, () => resolve({ baseUrls: ['http://payments.test'] }));
    }
    answer(done);

    const run = lead(() => client({ directory }).hold({ cents: 5 }, { timeout: '2s' }));

    await expect(run).rejects.toMatchObject({ code: 'CALL_TIMEOUT' });
    await world.clock.pass(5_000);
    expect([world.commands, world.coordinator.decisions]).toEqual([[], []]);
  });

  test('that meets a mistake in the code is not made again', async () => {
    answer(unknown('code'));

    await expect(lead(() => client().hold({ cents: 5 }))).rejects.toMatchObject({
      errorClass: 'code',
      message:
        'payments.hold failed at its participant, and nothing of it is kept there: its local transaction was rolled back, if it had ' +
        'begun: the handler threw. The call counts as thrown.',
    });
    expect(world.commands).toHaveLength(1);
  });

  test('that meets a mistake in the code after an attempt without an answer tells of both', async () => {
    answer(() => undefined, unknown('code'));

    await expect(lead(() => client().hold({ cents: 5 }))).rejects.toThrow(
      'The call counts as thrown. An earlier attempt had no answer: if it did anything, that is undone.',
    );
  });

  test('that takes longer than its timeout throws, is undone, and is not in flight any more', async () => {
    world.services.set('payments', () => new Promise(() => undefined));

    const code = await lead(() =>
      client()
        .hold({ cents: 5 }, { timeout: '2s' })
        .catch(({ code: thrown }: { code: string }) => thrown),
    );

    expect(code).toBe('CALL_TIMEOUT');
    expect(world.coordinator.decision).toMatchObject({
      to: 'commit',
      branches: [],
      thrown: [{ branchId: '1' }],
    });
  });

  test('that reaches the deadline throws, and everything is aborted', async () => {
    world.services.set('payments', () => new Promise(() => undefined));

    await expect(lead(() => client().hold({ cents: 5 }))).rejects.toMatchObject({
      code: 'TRANSACTION_TIMEOUT',
      outcome: 'aborted',
    });
    expect(world.coordinator.decision?.to).toBe('abort');
  });

  test('that does not fit the contract is not sent', async () => {
    const call = lead(() => client().hold({ cents: 'five' as unknown as number }));

    await expect(call).rejects.toMatchObject({ code: 'MISUSE', message: expect.stringContaining('/cents') });
    expect(world.commands).toEqual([]);
  });

  test('whose answer does not fit the contract here has thrown, and is undone', async () => {
    answer((command) => ({ ...done(command), output: { ok: 'yes' } }) as BranchReply);

    await expect(lead(() => client().hold({}))).rejects.toMatchObject({ code: 'MISUSE' });
    expect(world.coordinator.decision).toMatchObject({
      to: 'abort',
      thrown: [{ branchId: '1', nonce: 'nonce-of-1' }],
    });
  });

  test('without input and output sends none, and brings none', async () => {
    answer((command) => ({ ...done(command), output: null }) as BranchReply);

    expect(await lead(() => client().ping())).toBeUndefined();
    expect(world.commands[0]).not.toHaveProperty('input');
  });

  test('whose options are misspelt is refused, by the name that was meant', async () => {
    answer(done);

    const call = lead(() => client().hold({ cents: 5 }, { timeuot: '2s' } as object));

    await expect(call).rejects.toThrow(
      "The options of the call of payments.hold cannot work: there is no option 'timeuot'. Perhaps 'timeout' was meant.",
    );
    expect(world.commands).toEqual([]);
  });

  test('outside of a transaction is an error that names the cure', async () => {
    await expect(client().hold({})).rejects.toThrow('`atone.transactions.run`');
    expect(world.commands).toEqual([]);
  });

  test('of the own service is carried out in this process', async () => {
    const local = { service: 'payments', execute: async (command: BranchCommand) => done(command) };

    await lead(() => client({ local }).hold({}));

    expect(world.commands).toEqual([]);
    expect(world.coordinator.decision?.branches).toHaveLength(1);
  });

  test('is signed as a coordinator signs, and goes to another instance when one is gone', async () => {
    const key = { keyId: 'k1', secret: 'open sesame' };
    answer(() => undefined, done);
    const seen: boolean[] = [];
    const send = world.send.bind(world);
    const urls: string[] = [];
    world.send = async (request) => {
      const { url, headers } = request as unknown as { url: string; headers: Record<string, string> };
      urls.push(new URL(url).hostname);
      const signed = { method: 'POST', path: new URL(url).pathname, body: request.body ?? '' };
      const nowMs = world.ports.time.now();
      seen.push(checkSignature(signed, headers['atone-signature'], { keys: [key], nowMs }).ok);
      return send(request);
    };
    const directory = { waysTo: async () => ({ baseUrls: ['http://a.test', 'http://b.test/base'] }) };

    await lead(() => client({ key, directory }).hold({}));

    expect(seen).toEqual([true, true]);
    expect(new Set(urls)).toEqual(new Set(['a.test', 'b.test']));
  });
});
