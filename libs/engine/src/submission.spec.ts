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

test('a service that has not registered is told of once, and no other is taken for it', async () => {
  const world = new EngineWorld();
  await world.offer('mail', ['send']);
  const { engine } = await world.coordinator();
  const steps = ['one', 'two'].map((name) => ({ name, service: 'billing', action: 'charge' }));

  await expect(engine.submit({ submission: { name: 'order', steps } })).rejects.toMatchObject({
    code: 'UNKNOWN_ACTION',
    message: "Service 'billing' is not in the catalogue. Start it and let it reach this coordinator.",
    errors: [{ field: '/steps/0/service' }, { field: '/steps/1/service' }],
  });
});

test('a service whose name was misspelt is told the right one', async () => {
  const world = new EngineWorld();
  await world.offer('billing', ['charge']);
  const { engine } = await world.coordinator();
  const steps = [{ name: 'one', service: 'biling', action: 'charge' }];

  await expect(engine.submit({ submission: { name: 'order', steps } })).rejects.toMatchObject({
    message: "Service 'biling' is not in the catalogue. The nearest one that is registered is 'billing'.",
  });
});
