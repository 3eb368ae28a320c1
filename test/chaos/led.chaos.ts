import { afterEach, describe, expect, test } from '@jest/globals';
import type { Booking, Told } from '../harness/booking.contracts.js';
import { until } from '../harness/until.js';
import { DEATHS, failpointsOf } from './led.deaths.js';
import { dieAt, drawBookings, drawLedKills, runBookings, type DeathBed } from './led.run.js';
import { COORDINATORS, LED_SERVICES, LedWorld, type LedChild } from './led.world.js';
import { seededRandom } from './seeded.random.js';

const VICTIMS = [...LED_SERVICES, ...COORDINATORS] as const;

/** Most decisions of the race come a little before the deadline, or a little after it. */
const RACE_TIMEOUT_MS = 1_200;
const RACE_DELAY_MS_MAX = 2_400;

let world: LedWorld | undefined;

afterEach(async () => {
  await world?.stop();
});

test('S1 S4 S8 L1 400 led transactions survive 30 kills: each ends once, nothing is taken by halves, and what was told is true', async () => {
  const random = seededRandom();
  const bookings = drawBookings(400, () => random.next());
  const failpoints = Object.fromEntries(VICTIMS.map((victim) => [victim, failpointsOf(victim)]));
  const kills = drawLedKills({ count: 30, bookingCount: bookings.length }, failpoints, () => random.next());
  const led = await LedWorld.start({ coordinatorCount: 2 });
  world = led;

  await runBookings(led, bookings, kills);

  expect(await led.violations()).toEqual([]);
  expect([...new Set(led.told.map(({ outcome }) => outcome))]).toEqual(
    expect.arrayContaining(['committed', 'aborted']),
  );
  expect(VICTIMS.filter((victim) => led.startCount(victim) < 3)).toEqual([]);
});

test('S4 S8 L1 a process may die at every failpoint of a led transaction', async () => {
  const led = await LedWorld.start();
  world = led;

  // Each process dies one death after the other, and lives through those of the others meanwhile. Only to come into doubt all
  // others have to be well.
  const [doubtful, others] = [DEATHS.filter(isOfDoubt), DEATHS.filter((death) => !isOfDoubt(death))];
  const mortals = new Set(others.map(({ victim }) => victim));
  const deathsOf = (mortal: LedChild): DeathBed[] => others.filter(({ victim }) => victim === mortal);
  await Promise.all(Array.from(mortals, async (mortal) => dieOneByOne(led, deathsOf(mortal))));
  await dieOneByOne(led, doubtful);

  expect(await led.violations()).toEqual([]);
});

test('S1 where one coordinator is asked to commit while another is asked by those in doubt, one of them decides for both', async () => {
  const random = seededRandom();
  const led = await LedWorld.start({ coordinatorCount: 2 });
  world = led;
  const racing = (): readonly Partial<Booking>[] =>
    drawBookings(80, () => random.next()).map((booking) => ({
      ...booking,
      account: 'ann',
      regrets: false,
      timeoutMs: RACE_TIMEOUT_MS,
      decisionDelayMs: random.next() * RACE_DELAY_MS_MAX,
    }));

  await until('each side has won', async () => hasTwoWinners(await runBookings(led, racing())), 300_000);

  expect(await led.violations()).toEqual([]);
});

describe('the check proves itself', () => {
  test('where participants undo past their deadline without asking, a commit that comes late is done by halves, and the check says so', async () => {
    const led = await LedWorld.start({ decidesAlone: true });
    world = led;

    await led.book({ timeoutMs: 3_000, decisionDelayMs: 4_500 });

    const found = await until('it has been done by halves', async () => {
      const violations = await led.violationsNow();
      return violations.some((sentence) => sentence.includes('stuck: mixed')) && violations;
    });
    expect(found.filter((sentence) => sentence.includes('stuck: mixed'))).toHaveLength(1);
  });
});

async function dieOneByOne(led: LedWorld, deaths: readonly DeathBed[]): Promise<void> {
  for (const death of deaths) {
    // oxlint-disable-next-line no-await-in-loop -- a process can be armed for one at a time.
    await dieAt(led, death);
  }
}

function isOfDoubt({ needsDoubt = false }: DeathBed): boolean {
  return needsDoubt;
}

function hasTwoWinners(answers: readonly Told[]): boolean {
  return answers.some(({ outcome }) => outcome === 'committed') && answers.some(isTooLate);
}

function isTooLate({ error = '' }: Told): boolean {
  return error.includes('decided before its commit came');
}
