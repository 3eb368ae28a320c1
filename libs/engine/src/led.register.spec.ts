import { beforeEach, describe, expect, test } from '@jest/globals';
import type { RowUpdate } from './log.port.js';
import { EngineWorld, overriding, SeededRandom } from './testing/index.js';
import { LedCase, TIMEOUT_MS, told } from './testing/led.requests.js';
import { viewOf } from './transaction.view.js';

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

describe('branches that are registered', () => {
  test('are in a row that is active and knows its deadline', async () => {
    const { engine } = await world.coordinator();

    const { saga } = await engine.register(trip.gid, trip.registration(['1'], { remainingMs: 20_000 }));

    const deadlineAt = world.clock.now() + 20_000;
    expect(saga).toMatchObject({ state: 'active', deadlineAt });
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active', deadlineAt, services: ['hotel'] });
  });

  test('bear the name that their initiator has told, which who registers need not know', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice({ name: 'book-trip' })]);

    await engine.register(trip.gid, trip.registration(['1'], { name: 'unknowing' }));

    expect(await world.log.get(trip.gid)).toMatchObject({ name: 'book-trip' });
  });

  test.each(['here', 'at another instance'])(
    'bear the name that their initiator decides by, %s, though who registered them told another',
    async (where) => {
      const { engine } = await world.coordinator();
      const other = await world.coordinator();
      await engine.register(trip.gid, trip.registration(['1'], { name: 'travel', lane: 'slow' }));

      const decider = where === 'here' ? engine : other.engine;
      const { snapshot } = await decider.decide(trip.gid, trip.commit(['1'], { tags: { order: '7' } }));

      const title = { name: 'book-trip', lane: 'slow', tags: { order: '7' } };
      expect(snapshot.envelope).toMatchObject(title);
      expect(await world.log.list({ name: 'book-trip', limit: 10 })).toMatchObject([title]);
    },
  );

  test('bear the name that a notice of their initiator tells after they were registered', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1'], { name: 'travel' }));

    engine.notice([trip.notice({ name: 'book-trip' })]);
    await world.clock.advance(5_000);

    expect((await engine.get(trip.gid)).envelope.name).toBe('book-trip');
    expect(await world.log.get(trip.gid)).toMatchObject({ name: 'book-trip', state: 'active' });
  });

  test('have no history before the log accepted them, and its deadline, however long that took', async () => {
    const log = overriding(world.log, {
      insertIfAbsent: async (rows) => {
        await world.clock.advance(20);
        return world.log.insertIfAbsent(rows);
      },
    });
    const { engine } = await world.coordinator({ log });

    const { saga } = await engine.register(trip.gid, trip.registration(['1'], { remainingMs: 20_000 }));

    const other = await world.coordinator();
    for (const view of [
      viewOf({ ...(await engine.get(trip.gid)), saga }),
      viewOf(await other.engine.get(trip.gid)),
    ]) {
      expect(view.history[0]?.at).toBe(view.acceptedAt);
      expect(Date.parse(view.deadlineAt ?? '')).toBe(Date.parse(view.acceptedAt) + 20_000);
    }
  });

  test('join those that were registered before, here and at another instance', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));
    await engine.register(trip.gid, trip.registration(['2']));

    await other.engine.register(trip.gid, trip.registration(['3']));

    expect(await stepsInLog()).toEqual(['1', '2', '3']);
  });

  test('by several at the same time are all there', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();

    await Promise.all([
      engine.register(trip.gid, trip.registration(['1'])),
      engine.register(trip.gid, trip.registration(['2'])),
      other.engine.register(trip.gid, trip.registration(['3'])),
    ]);

    expect((await stepsInLog()).toSorted()).toEqual(['1', '2', '3']);
  });

  test('again are there once, and nothing is written', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));

    await engine.register(trip.gid, trip.registration(['1']));

    expect(await world.log.get(trip.gid)).toMatchObject({ version: 1 });
  });

  test('under an id that is taken by another branch are refused', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));

    const other = engine.register(
      trip.gid,
      trip.registration([], { branches: [told('1', { action: 'rent' })] }),
    );

    await expect(other).rejects.toMatchObject({ code: 'BRANCH_CONFLICT' });
  });

  test('after the decision are refused', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));

    const late = { code: 'ALREADY_DECIDED', outcome: 'committed' };
    await expect(engine.register(trip.gid, trip.registration(['2']))).rejects.toMatchObject(late);
    await expect(other.engine.register(trip.gid, trip.registration(['2']))).rejects.toMatchObject(late);
    await world.clock.advance(200);
    await expect(engine.register(trip.gid, trip.registration(['2']))).rejects.toMatchObject(late);
  });

  test('by whom another secret was told are refused', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));
    const forged = trip.registration(['2'], { secretHash: 'e'.repeat(64) });

    await expect(engine.register(trip.gid, forged)).rejects.toMatchObject({ code: 'WRONG_SECRET' });
    await expect(other.engine.register(trip.gid, forged)).rejects.toMatchObject({ code: 'WRONG_SECRET' });
  });

  test('of a former life of the log are refused', async () => {
    const { engine } = await world.coordinator();

    const old = engine.register(trip.gid, trip.registration(['1'], { epoch: 9 }));

    await expect(old).rejects.toMatchObject({
      code: 'LOG_RESTORED',
      message: expect.stringContaining('read it from GET /v1/log'),
    });
  });

  test('of a gid of which this log may write nothing new are refused', async () => {
    const { engine } = await world.coordinator();
    const foreign = new LedCase(world.clock, new SeededRandom(8), 3);
    const old = new LedCase({ now: () => world.clock.now() - 8 * 86_400_000 }, new SeededRandom(8));

    await expect(engine.register(foreign.gid, foreign.registration(['1']))).rejects.toMatchObject({
      code: 'NOT_MY_TRANSACTION',
    });
    await expect(engine.register(old.gid, old.registration(['1']))).rejects.toMatchObject({
      code: 'TRANSACTION_TOO_OLD',
    });
  });
});

describe('the decision of what was registered', () => {
  test.each(['here', 'at another instance'])('commits a list that is counted, %s', async (where) => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();
    const decider = where === 'here' ? engine : other.engine;
    await engine.register(trip.gid, trip.registration(['2~k7.1', '2~k7.2', '5~x.1']));

    const registered = [{ prefix: '2~k7.', count: 2 }];
    const { isRepeat } = await decider.decide(trip.gid, trip.commit(['2'], { registered }));
    await world.clock.advance(500);

    expect(isRepeat).toBe(false);
    const { branches } = (await decider.get(trip.gid)).saga;
    expect(Object.fromEntries(branches.map(({ branchId, state }) => [branchId, state]))).toEqual({
      '2': 'confirmed',
      '2~k7.1': 'confirmed',
      '2~k7.2': 'confirmed',
      '5~x.1': 'compensated',
    });
  });

  test('is refused when one is missing, and the transaction stays undecided', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['2~k7.1']));

    const commit = engine.decide(trip.gid, trip.commit([], { registered: [{ prefix: '2~k7.', count: 2 }] }));

    await expect(commit).rejects.toMatchObject({ code: 'BRANCH_CONFLICT' });
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active' });
  });

  test('is refused when nothing was registered, and nothing is written', async () => {
    const { engine } = await world.coordinator();

    const commit = engine.decide(trip.gid, trip.commit([], { registered: [{ prefix: '2~k7.', count: 2 }] }));

    await expect(commit).rejects.toMatchObject({ code: 'BRANCH_CONFLICT' });
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('survives the instance that took it, with branches that only the decision has named', async () => {
    const dead = await world.coordinator({ script: () => undefined });
    await dead.engine.register(trip.gid, trip.registration(['1']));
    await dead.engine.decide(trip.gid, trip.commit(['1', '2'], { thrown: [told('3')] }));
    await dead.engine.stop();

    const { engine, transport } = await world.coordinator();
    await world.clock.advance(500);

    expect(transport.ops.toSorted()).toEqual(['compensate 3', 'confirm 1', 'confirm 2']);
    expect((await engine.get(trip.gid)).saga.state).toBe('committed');
  });

  test('is told to whoever repeats it, also from the row', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['2~k7.1']));
    const commit = trip.commit(['2'], { registered: [{ prefix: '2~k7.', count: 1 }] });
    await engine.decide(trip.gid, commit);
    await world.clock.advance(500);

    expect(await engine.decide(trip.gid, commit)).toMatchObject({
      isRepeat: true,
      snapshot: { saga: { state: 'committed' } },
    });
  });

  test('takes it over from the instance that drove it, and tells so', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));

    const { snapshot } = await other.engine.decide(trip.gid, trip.commit(['1']));

    expect(snapshot.owner).toBe(other.engine.instanceId);
    expect(snapshot.saga.history).toMatchObject([
      { what: 'registered' },
      { what: 'claimed', by: other.engine.instanceId },
      { what: 'committing' },
    ]);
  });

  test('by two instances at once is one decision', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));

    const answers = await Promise.allSettled([
      engine.decide(trip.gid, trip.commit(['1'])),
      other.engine.decide(trip.gid, trip.abort(['1'])),
    ]);
    await world.clock.advance(500);

    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const isCommitted = answers[0].status === 'fulfilled';
    expect(await world.log.get(trip.gid)).toMatchObject({ state: isCommitted ? 'committed' : 'aborted' });
  });

  test('can be an operator’s abort', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));

    await engine.act(trip.gid, { type: 'abort', by: 'ann', reason: 'closed' });
    await world.clock.advance(500);

    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'aborted' });
    const commit = engine.decide(trip.gid, trip.commit(['1']));
    await expect(commit).rejects.toMatchObject({ code: 'ALREADY_DECIDED', outcome: 'aborted' });
  });
});

describe('an active row that nobody decides', () => {
  test.each([
    ['soon', 20_000],
    ['late', 3_600_000],
  ])('is aborted at its deadline, %s', async (_, remainingMs) => {
    const { engine, transport } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1', '2'], { remainingMs }));
    await world.clock.advance(remainingMs - 100);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active' });

    await world.clock.advance(2_500);

    expect(transport.ops).toEqual(['compensate 2', 'compensate 1']);
    expect((await engine.get(trip.gid)).saga).toMatchObject({
      state: 'aborted',
      abort: { code: 'deadline' },
    });
  });

  test('is aborted at its deadline by another instance when its owner is dead', async () => {
    const renewals = { isCut: false };
    const log = overriding(world.log, {
      renewLease: async (instanceId, leaseMs) =>
        renewals.isCut ? Promise.reject(new Error('cut off')) : world.log.renewLease(instanceId, leaseMs),
      update: async (updates: readonly RowUpdate[]) =>
        renewals.isCut ? Promise.reject(new Error('cut off')) : world.log.update(updates),
    });
    const dead = await world.coordinator({ log, script: () => undefined });
    await dead.engine.register(trip.gid, trip.registration(['1']));
    renewals.isCut = true;
    const { transport } = await world.coordinator();
    await world.clock.advance(10_000);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active' });

    await world.clock.advance(TIMEOUT_MS);

    expect(transport.ops).toEqual(['compensate 1']);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'aborted' });
  });
});

describe('an active row of a former life of the log', () => {
  const LEASE_RENEWED_MS = 2_100;

  test('is decided and extended by nobody, and is stuck where people see it', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));
    world.log.life = 2;
    await world.clock.advance(LEASE_RENEWED_MS);

    for (const { engine: asked } of [{ engine }, other]) {
      const restored = { code: 'LOG_RESTORED', began: 1, present: 2 };
      // oxlint-disable-next-line no-await-in-loop -- the one that drives it, and then the other.
      await expect(asked.decide(trip.gid, trip.commit(['1']))).rejects.toMatchObject(restored);
      // oxlint-disable-next-line no-await-in-loop
      await expect(asked.decide(trip.gid, trip.abort(['1']))).rejects.toMatchObject(restored);
      // oxlint-disable-next-line no-await-in-loop
      await expect(asked.register(trip.gid, trip.registration(['2']))).rejects.toMatchObject(restored);
    }
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active', stuckReason: 'log-restored' });
    expect(await stepsInLog()).toEqual(['1']);
  });

  test.each(['that drove it', 'that takes it over'])(
    'gets stuck at the instance %s, and is not aborted at its deadline but by an operator alone',
    async (which) => {
      const { engine, transport } = await world.coordinator();
      await engine.register(trip.gid, trip.registration(['1']));
      world.log.life = 2;
      if (which === 'that takes it over') {
        await engine.stop();
      }
      const heir = which === 'that takes it over' ? await world.coordinator() : { engine, transport };
      await world.clock.advance(TIMEOUT_MS + LEASE_RENEWED_MS);

      const stuck = { reason: 'log-restored', branchId: undefined, waysOut: ['abort', 'resolve'] };
      expect(viewOf(await heir.engine.get(trip.gid))).toMatchObject({ state: 'active', stuck });
      expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active', stuckReason: 'log-restored' });
      const retry = heir.engine.act(trip.gid, { type: 'retry', by: 'ann', reason: 'again' });
      await expect(retry).rejects.toMatchObject({ code: 'ACT_NOT_POSSIBLE' });
      expect(heir.transport.ops).toEqual([]);

      await heir.engine.act(trip.gid, { type: 'abort', by: 'ann', reason: 'nobody has confirmed it' });
      await world.clock.advance(500);
      expect(heir.transport.ops).toEqual(['compensate 1']);
      expect(await world.log.get(trip.gid)).toMatchObject({ state: 'aborted', stuckReason: undefined });
    },
  );

  test('is not decided by who has not noticed the new life yet', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1'], { remainingMs: 1_000 }));
    world.log.life = 2;

    const commit = engine.decide(trip.gid, trip.commit(['1']));
    await expect(commit).rejects.toMatchObject({ code: 'LOG_RESTORED', began: 1, present: 2 });
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active' });

    await world.clock.advance(60_000);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active', stuckReason: 'log-restored' });
  });

  test('is not aborted by its deadline where nobody has noticed the new life yet', async () => {
    const { engine, transport } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1'], { remainingMs: 1_000 }));
    world.log.life = 2;

    await world.clock.advance(1_500);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active' });

    await world.clock.advance(60_000);
    expect(transport.ops).toEqual([]);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'active', stuckReason: 'log-restored' });
  });
});

async function stepsInLog(): Promise<string[]> {
  const { engine } = await world.coordinator();
  return (await engine.get(trip.gid)).saga.plan.steps.map(({ branchId }) => branchId);
}
