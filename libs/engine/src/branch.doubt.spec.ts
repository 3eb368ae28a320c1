import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine } from './engine.js';
import { hearsayView } from './hearsay.view.js';
import { EngineWorld, SeededRandom } from './testing/index.js';
import { LedCase, TIMEOUT_MS } from './testing/led.requests.js';

const ANN = { by: 'ann', reason: 'the hotel has charged it' };

describe('a branch id under which two effects have asked, of a log that was restored,', () => {
  let trip: LedCase;
  let engine: Engine;

  beforeEach(async () => {
    const world = new EngineWorld();
    trip = new LedCase(world.clock, new SeededRandom(7));
    ({ engine } = await world.coordinator());
    world.log.life = 2;
    await world.clock.advance(TIMEOUT_MS);
    const rival = trip.doubt('1', { service: 'car', nonce: 'another-nonce' });
    await engine.doubts([trip.doubt('1'), trip.doubt('2'), rival]);
  });

  test('is shown with both', () => {
    const { branches = [] } =
      [engine.hearsay(trip.gid)].flatMap((entry) => entry ?? []).map(hearsayView)[0] ?? {};

    expect(branches.map(({ branchId }) => branchId)).toEqual(['1', '2']);
    expect(branches[0]?.doubt?.reason).toContain(
      "2 effects have asked under the id '1': hotel.hold (nonce nonce-of-1), car.hold (nonce another-nonce).",
    );
  });

  test('is not committed, for nobody can tell which one is meant', async () => {
    const act = engine.resolve(trip.gid, { ...ANN, to: 'commit', branchIds: ['1', '2'] });

    await expect(act).rejects.toThrow(
      /2 effects have asked under the id '1'.*car\.hold.*leave the id out, or abort/u,
    );
  });
});
