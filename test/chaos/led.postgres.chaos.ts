import { afterEach, expect, test } from '@jest/globals';
import { drawBookings, drawServerKills, runBookings } from './led.run.js';
import { COORDINATORS, LED_SERVERS, LED_SERVICES, LedWorld } from './led.world.js';
import { seededRandom } from './seeded.random.js';

let world: LedWorld | undefined;

afterEach(async () => {
  await world?.stop();
});

test('S1 S4 S8 L1 300 led transactions survive 8 kills of PostgreSQL, under the log and under the ledgers: all or nothing, and nothing is stuck', async () => {
  const random = seededRandom();
  const bookings = drawBookings(300, () => random.next());
  const kills = drawServerKills(8, bookings.length, () => random.next());
  const led = await LedWorld.start({ coordinatorCount: 2 });
  world = led;

  await runBookings(led, bookings, kills);

  expect(await led.violations()).toEqual([]);
  expect([...new Set(led.told.map(({ outcome }) => outcome))]).toEqual(
    expect.arrayContaining(['committed', 'aborted']),
  );
  expect(LED_SERVERS.map((name) => led.startCount(name))).toEqual([5, 5]);
  // Who has lost its database goes on when it is there again.
  expect([...LED_SERVICES, ...COORDINATORS].filter((name) => led.startCount(name) > 1)).toEqual([]);
});
