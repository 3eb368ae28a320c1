import { expect, test } from '@jest/globals';
import { EngineWorld } from './testing/index.js';

test('a plan with a try is refused, for no plan would ever confirm it, and leaves nothing behind', async () => {
  const world = new EngineWorld();
  await world.offer('hotel', ['hold?']);
  const { engine } = await world.coordinator();
  const steps = [{ name: 'room', service: 'hotel', action: 'hold' }];

  await expect(engine.submit({ submission: { name: 'trip', steps } })).rejects.toMatchObject({
    code: 'INVALID_PLAN',
    message: expect.stringContaining("'hotel.hold' is a try"),
  });
  expect(await world.log.list({ limit: 10 })).toEqual([]);
});
