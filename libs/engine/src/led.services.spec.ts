import { expect, test } from '@jest/globals';
import { EngineWorld, SeededRandom } from './testing/index.js';
import { LedCase, told } from './testing/led.requests.js';

test('a led transaction is found by each service that has joined it, when it was registered or decided', async () => {
  const world = new EngineWorld();
  const trip = new LedCase(world.clock, new SeededRandom(7));
  const { engine } = await world.coordinator();
  const [car, flight] = [told('2', { service: 'car' }), told('3', { service: 'flight' })];
  const found = async (service: string): Promise<number> =>
    (await engine.list({ service, limit: 10 })).length;
  await engine.register(trip.gid, trip.registration(['1']));
  expect(await found('car')).toBe(0);

  await engine.register(trip.gid, trip.registration([], { branches: [car] }));
  expect(await found('car')).toBe(1);

  await engine.decide(trip.gid, trip.commit(['1'], { branches: [told('1'), car], thrown: [flight] }));
  await world.clock.advance(500);
  expect(await Promise.all(['hotel', 'car', 'flight'].map(found))).toEqual([1, 1, 1]);
});
