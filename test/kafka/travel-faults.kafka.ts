import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  endsOf,
  freezeSecondDesk,
  startFaultyAgency,
  untilHeld,
  type FaultyAgency,
} from './faulty.agency.js';

/*
 * One travel agency goes through one fault after the other while trips keep being booked: tries, confirms and cancels go over Kafka.
 * Whoever is left in doubt asks half a minute after the trip began, so several faults share a wait.
 */

/** The machine may be slow, and has a dozen programs to run. */
const TIMEOUT_MS = 600_000;

/** More than may be on their way to those who are frozen. */
const LOST_COUNT = 10;

/** One of each that takes part by Kafka. */
const FIRSTS = ['coordinator-1', 'bookings-1', 'flights-1', 'hotels-1', 'cars-1'] as const;

/** Who leads, who holds, and who decides. */
const KILLED = ['bookings-1', 'flights-1', 'coordinator-1'] as const;

let world: FaultyAgency;

beforeAll(async () => {
  world = await startFaultyAgency();
}, TIMEOUT_MS);

afterAll(async () => {
  await world?.stop();
}, TIMEOUT_MS);

test(
  'who books, who holds seats, a coordinator, the broker and PostgreSQL are killed: each trip is booked whole or not at all, and nothing stays held',
  async () => {
    const { deployment, kafka } = world;
    const { pid } = kafka;

    const found = await world.survive(async () => {
      for (const name of KILLED) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await deployment.process(name).kill();
        world.burst();
      }
      await kafka.kill();
      await kafka.restart();
      world.burst();
      await deployment.killPostgres();
    });

    expect(found).toEqual([]);
    // Who starts while PostgreSQL is away has to start once more.
    expect(KILLED.filter((name) => deployment.process(name).startCount < 2)).toEqual([]);
    expect(kafka.pid).not.toBe(pid);
  },
  TIMEOUT_MS,
);

test(
  'members of all groups leave and join while trips are booked: each trip is booked whole or not at all, and nothing stays held',
  async () => {
    const leaving = FIRSTS.map((name) => world.deployment.process(name));

    const found = await world.survive(async () => {
      await Promise.all(leaving.map(async (member) => member.stop()));
      await world.membersAre(1, ['coordinators', 'bookings', 'flights', 'hotels', 'cars']);
      world.burst();
      leaving.forEach((member) => member.start());
      await world.whole();
    });

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'who books, who holds seats and a coordinator go on after a pause past every lease and deadline: what they had begun was undone meanwhile, and is not done by them',
  async () => {
    const { deployment } = world;
    const paused = ['bookings-2', 'flights-2', 'coordinator-2'].map((name) => deployment.process(name));
    const before = paused.map(({ startCount }) => startCount);
    let ends: readonly unknown[] = [];

    const found = await world.survive(async () => {
      // First, for what the second desk decides goes to this one.
      const owner = await world.freezeAtWork('coordinator-2');
      const undecided = await freezeSecondDesk(world);
      await world.membersAre(1, ['coordinators', 'bookings']);
      await world.isTakenOver(owner);
      ends = await endsOf(world, undecided);
      // Not before: it may hold locks of its database, for which the others wait as long as it sleeps.
      deployment.process('flights-2').freeze();
      await world.membersAre(1, ['flights']);
      world.burst();
      paused.forEach((each) => each.thaw());
      await world.whole();
    });

    expect(found).toEqual([]);
    expect(new Set(ends)).toEqual(new Set(['aborted']));
    expect(paused.map(({ startCount }) => startCount)).toEqual(before);
  },
  TIMEOUT_MS,
);

test(
  'all offsets are set back to the first record: tries, confirms, cancels and answers that come again change nothing',
  async () => {
    const found = await world.survive(async () => {
      const redeliveries = await world.redeliver();
      expect(redeliveries.filter(({ heldCount }) => heldCount === 0)).toEqual([]);
      expect(redeliveries.filter(({ heldCount, againCount }) => againCount !== heldCount)).toEqual([]);
    });

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'tries, confirms, cancels and answers are lost before anybody has read them: each trip is booked whole or not at all, and nothing stays held',
  async () => {
    const { deployment, admin } = world;
    const processes = (names: readonly string[]) => names.map((name) => deployment.process(name));
    const holders = processes(deployment.instancesOf('flights'));
    const askers = processes([...deployment.instancesOf('bookings'), ...deployment.coordinators]);
    const commands = world.commandsOf('flights');

    const found = await world.survive(async () => {
      await untilHeld(world, LOST_COUNT);
      holders.forEach((holder) => holder.freeze());
      await world.decisionsGrow(commands, LOST_COUNT, () => world.burst());
      await admin.truncate(commands);
      await world.decisionsGrow(commands, LOST_COUNT, () => world.burst());
      askers.forEach((asker) => asker.freeze());
      // Before that, the next answers might be on their way to them.
      await world.membersAre(0, ['coordinators', 'bookings']);
      holders.forEach((holder) => holder.thaw());
      await world.catchesUp(world.groupOf('flights'), commands);
      await Promise.all([admin.truncate(world.repliesTo('bookings')), admin.truncate(world.repliesTo())]);
      askers.forEach((asker) => asker.thaw());
      await world.whole();
    });

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);
