import { beforeEach, describe, expect, test } from '@jest/globals';
import { withHearsay } from './hearsay.view.js';
import type { ResolveAct } from './led.resolution.js';
import { EngineWorld, SeededRandom } from './testing/index.js';
import { LedCase, TIMEOUT_MS } from './testing/led.requests.js';
import { viewOf } from './transaction.view.js';

const COMMIT = {
  to: 'commit',
  by: 'ann',
  reason: 'the hotel has charged it',
  branchIds: ['1'],
} satisfies ResolveAct;

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

/** Returns a coordinator of a log that was restored after branches of `trip` were registered in it; its time is over. */
async function leftBehind(...ids: readonly string[]) {
  const coordinator = await world.coordinator();
  await coordinator.engine.register(trip.gid, trip.registration(ids));
  world.log.life = 2;
  await world.clock.advance(2_100 + TIMEOUT_MS);
  return coordinator;
}

describe('what a former life of the log has registered', () => {
  test('is committed when a person says so, at whichever coordinator, though nobody has asked', async () => {
    const { engine } = await leftBehind('1', '2');
    expect(viewOf(await engine.get(trip.gid)).stuck).toMatchObject({
      reason: 'log-restored',
      waysOut: ['abort', 'resolve'],
    });
    const other = await world.coordinator();

    await other.engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1'] });

    expect(other.transport.ops).toEqual(['confirm 1', 'compensate 2']);
    await expect(engine.decide(trip.gid, trip.commit(['1', '2']))).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
    });
  });

  test('is committed with what is in doubt beside it', async () => {
    const { engine, transport } = await leftBehind('1');
    await engine.doubts([trip.doubt('1'), trip.doubt('2')]);

    await engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '2'] });

    expect(transport.ops).toEqual(['confirm 1', 'confirm 2']);
  });

  test('cannot be committed with a branch that tells of another secret, but without it', async () => {
    const { engine, transport } = await leftBehind('1');
    await engine.doubts([trip.doubt('1'), trip.doubt('2', { secretHash: 'e'.repeat(64) })]);

    const both = engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '2'] });
    await expect(both).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringContaining("'2' does not go with the others"),
    });
    await engine.resolve(trip.gid, COMMIT);

    expect(transport.ops).toEqual(['confirm 1', 'compensate 2']);
  });

  test('is aborted with what is in doubt beside it, which is left to people no more', async () => {
    const { engine, transport } = await leftBehind('1');
    await engine.doubts([trip.doubt('1'), trip.doubt('2')]);

    await engine.act(trip.gid, { type: 'abort', by: 'bob', reason: 'nobody has paid' });
    const view = withHearsay(viewOf(await engine.get(trip.gid)), engine.hearsay(trip.gid));
    await world.clock.advance(200);

    expect(transport.ops).toEqual(['compensate 2', 'compensate 1']);
    expect(view.branches.map(({ doubt }) => doubt?.isForPeople)).toEqual([undefined, undefined]);
    expect(viewOf(await engine.get(trip.gid))).toMatchObject({
      state: 'aborted',
      abort: { code: 'operator', message: 'nobody has paid' },
      branches: [{ branchId: '1' }, { branchId: '2' }],
    });
  });

  test('shows what is not named as undone', async () => {
    const { engine } = await leftBehind('1', '2');

    await engine.resolve(trip.gid, COMMIT);
    await world.clock.advance(400);

    expect(viewOf(await engine.get(trip.gid)).branches).toMatchObject([
      { branchId: '1', state: 'confirmed' },
      { branchId: '2', state: 'compensated' },
    ]);
  });

  test('is not decided before the deadline that those in doubt have told', async () => {
    const { engine } = await leftBehind('1');
    await engine.doubts([trip.doubt('1', { timeoutMs: 3_600_000 })]);

    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringContaining('is not over'),
    });
  });
});
