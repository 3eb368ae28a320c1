import { beforeEach, describe, expect, test } from '@jest/globals';
import { EngineWorld, SeededRandom } from './testing/index.js';
import { LedCase } from './testing/led.requests.js';

let world: EngineWorld;
let trip: LedCase;
let other: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
  other = new LedCase(world.clock, new SeededRandom(8));
});

describe('an instance that is full', () => {
  test('refuses to decide what it does not hold when the reserve is used up, and writes nothing', async () => {
    const { engine } = await world.coordinator({ options: { activeCountMax: 0 } });

    await expect(engine.decide(trip.gid, trip.commit(['1']))).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('L5 decides finished work while there is a reserve, and begins to hold nothing new', async () => {
    const { engine } = await world.coordinator({ script: () => undefined, options: { activeCountMax: 1 } });
    await engine.register(other.gid, other.registration(['1']));

    const registration = engine.register(trip.gid, trip.registration(['1']));
    await expect(registration).rejects.toMatchObject({ code: 'OVERLOADED' });

    expect(await engine.decide(trip.gid, trip.commit(['1']))).toMatchObject({ isRepeat: false });
  });
});

describe('a notice that tells of another secret than the initiator’s', () => {
  test('keeps nobody from deciding, and is told to people once', async () => {
    const warnings: unknown[] = [];
    const logger = { info: ignore, error: ignore, warn: (...told: unknown[]) => warnings.push(told) };
    const { engine } = await world.coordinator({ logger });
    engine.notice([trip.notice({ secretHash: 'e'.repeat(64) })]);

    await engine.decide(trip.gid, trip.commit(['1']));
    await world.clock.advance(200);
    await engine.decide(trip.gid, trip.commit(['1']));

    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed' });
    const contradiction = { gid: trip.gid, initiator: 'travel' };
    expect(warnings).toEqual([[contradiction, 'first row contradicts the notice of its beginning']]);
  });

  test('gives nobody a say who does not know the secret of the row', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice({ secretHash: other.secretHash })]);
    await engine.register(trip.gid, trip.registration(['1']));

    const forged = engine.decide(trip.gid, trip.abort([], { secret: other.secret }));

    await expect(forged).rejects.toMatchObject({ code: 'WRONG_SECRET' });
  });
});

function ignore(): void {
  // Only warnings count here.
}
