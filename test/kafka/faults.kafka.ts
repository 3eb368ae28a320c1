import type { NewOrder } from '@atone/example-music-shop';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Told } from '../harness/shop.deployment.js';
import { startFaultyShop } from './faulty.shop.js';
import type { FaultyWorld } from './faulty.world.js';

/*
 * One shop goes through one fault after the other while real orders keep coming. After each all of them have ended, and what the
 * services' own databases hold adds up.
 */

/** The machine may be slow, and has a dozen programs to run. */
const TIMEOUT_MS = 600_000;

/** More than may be on their way to those who are frozen. */
const LOST_COUNT = 10;

const SERVICES = ['orders', 'stock', 'payments'] as const;

let world: FaultyWorld<NewOrder, Told>;

beforeAll(async () => {
  world = await startFaultyShop();
}, TIMEOUT_MS);

afterAll(async () => {
  await world?.stop();
}, TIMEOUT_MS);

test(
  'a coordinator is killed: the other one takes over what it drove, and every order ends once',
  async () => {
    const found = await world.survive(async () => {
      const owner = await world.freezeAtWork('coordinator-1');
      await world.deployment.process('coordinator-1').kill();
      await world.isTakenOver(owner);
    });

    expect(found).toEqual([]);
    expect(startCount('coordinator-1')).toBe(2);
  },
  TIMEOUT_MS,
);

test.each(SERVICES)(
  'an instance of %s is killed: the other one takes its commands, and every order ends once',
  async (service) => {
    const found = await world.survive(async () => {
      await world.deployment.process(`${service}-1`).kill();
    });

    expect(found).toEqual([]);
    expect(startCount(`${service}-1`)).toBe(2);
  },
  TIMEOUT_MS,
);

test(
  'the broker is killed and comes back with what it has stored: every order ends once',
  async () => {
    const { pid } = world.kafka;

    const found = await world.survive(async () => {
      await world.kafka.kill();
      world.burst();
      await world.kafka.restart();
    });

    expect(found).toEqual([]);
    expect(world.kafka.pid).not.toBe(pid);
  },
  TIMEOUT_MS,
);

test(
  'PostgreSQL is killed under the log and all services, and comes back: every order ends once',
  async () => {
    const found = await world.survive(async () => world.deployment.killPostgres());

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'members of all groups leave and join, three times: every order ends once',
  async () => {
    const found = await world.survive(async () => {
      for (const place of [1, 2, 1]) {
        const leaving = ['coordinator', ...SERVICES].map((name) =>
          world.deployment.process(`${name}-${place}`),
        );
        world.burst();
        // oxlint-disable-next-line no-await-in-loop -- one time after the other
        await Promise.all(leaving.map(async (member) => member.stop()));
        // oxlint-disable-next-line no-await-in-loop
        await world.membersAre(1, ['coordinators', ...SERVICES]);
        leaving.forEach((member) => member.start());
        // oxlint-disable-next-line no-await-in-loop
        await world.whole();
      }
    });

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'a coordinator goes on after a pause that was longer than its lease and its membership: every order ends once',
  async () => {
    const before = startCount('coordinator-2');

    const found = await world.survive(async () => {
      const owner = await world.freezeAtWork('coordinator-2');
      await world.membersAre(1, ['coordinators']);
      await world.isTakenOver(owner);
      world.deployment.process('coordinator-2').thaw();
      await world.whole();
    });

    expect(found).toEqual([]);
    expect(startCount('coordinator-2')).toBe(before);
  },
  TIMEOUT_MS,
);

test.each(SERVICES)(
  'an instance of %s goes on after a pause that was longer than its membership: every order ends once',
  async (service) => {
    const before = startCount(`${service}-2`);

    const found = await world.survive(async () => {
      world.deployment.process(`${service}-2`).freeze();
      await world.membersAre(1, [service]);
      world.burst();
      world.deployment.process(`${service}-2`).thaw();
      await world.whole();
    });

    expect(found).toEqual([]);
    expect(startCount(`${service}-2`)).toBe(before);
  },
  TIMEOUT_MS,
);

test(
  'all offsets are set back to the first record: what is delivered again changes nothing, and every order ends once',
  async () => {
    const { groups } = world;

    const found = await world.survive(async () => {
      const members = world.deployment.names.map((name) => world.deployment.process(name));
      await Promise.all(members.map(async (member) => member.stop()));
      for (const { groupId, topic } of groups) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await world.admin.reset(groupId, topic);
        // oxlint-disable-next-line no-await-in-loop
        expect(await world.admin.lag(groupId, topic)).toBe(await world.admin.recordCount(topic));
      }
      members.forEach((member) => member.start());
      await world.whole();
      await Promise.all(groups.map(async ({ groupId, topic }) => world.catchesUp(groupId, topic)));
    });

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'commands and replies are lost before anybody has read them: every order ends once',
  async () => {
    const { deployment, admin } = world;
    const payments = deployment.instancesOf('payments').map((name) => deployment.process(name));
    const coordinators = deployment.coordinators.map((name) => deployment.process(name));
    const commands = world.commandsOf('payments');
    const replies = world.groups[0]?.topic ?? '';

    const found = await world.survive(async () => {
      payments.forEach((instance) => instance.freeze());
      world.burst();
      await world.grows(commands, LOST_COUNT);
      await admin.truncate(commands);
      world.burst();
      await world.grows(commands, LOST_COUNT);
      coordinators.forEach((coordinator) => coordinator.freeze());
      payments.forEach((instance) => instance.thaw());
      await world.grows(replies, LOST_COUNT);
      await admin.truncate(replies);
      coordinators.forEach((coordinator) => coordinator.thaw());
      await world.whole();
    });

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);

function startCount(name: string): number {
  return world.deployment.process(name).startCount;
}
