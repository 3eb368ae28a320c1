import type { NewOrder } from '@atone/example-music-shop';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DeployedProcess } from '../harness/deployed.process.js';
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

/** Before PostgreSQL is killed. */
const TOLD_COUNT = 20;

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
  'commands and replies are lost before anybody has read them: every order ends once',
  async () => {
    const found = await world.survive(async () => {
      await loseCommands();
      await loseReplies();
    });

    expect(found).toEqual([]);
  },
  TIMEOUT_MS,
);

/* Last, for the shop is not whole after it. */
describe('the check proves itself', () => {
  test(
    'payments that have forgotten what they have answered charge again when they are asked again, and the check says so',
    async () => {
      const found = await world.survive(async () =>
        loseReplies(async () => {
          await world.deployment.query('shop_payments', 'delete from atone.barrier');
        }),
      );

      expect(found).toContainEqual(
        expect.stringMatching(/^order \d+ was charged 2 times, and 0 times undone$/u),
      );
      expect(found).toContainEqual(expect.stringMatching(/^order \d+ cost \d+ instead of \d+$/u));
    },
    TIMEOUT_MS,
  );

  test(
    'where PostgreSQL loses what it has confirmed, orders are lost that customers were told of, and the check says so',
    async () => {
      const found = await world.survive(async () => {
        await world.admitLosses();
        await world.load.waitFor('PostgreSQL has lost an end that somebody was told of', async () => {
          await world.load.ended(TOLD_COUNT);
          await world.deployment.killPostgres();
          return hasLostEnds();
        });
      });

      expect(found).toContainEqual(
        expect.stringMatching(/^order \d+ was told (committed|aborted), and is undefined$/u),
      );
    },
    TIMEOUT_MS,
  );
});

/** Has commands to payments be gone before they are read, and then others lie there. */
async function loseCommands(): Promise<void> {
  const commands = world.commandsOf('payments');
  payments().forEach((instance) => instance.freeze());
  await world.grows(commands, LOST_COUNT, () => world.burst());
  await world.admin.truncate(commands);
  payments().forEach((instance) => instance.thaw());
}

/** Has what payments answer be gone before anybody reads it. @param meanwhile before they are asked again */
async function loseReplies(meanwhile = async (): Promise<void> => undefined): Promise<void> {
  const coordinators = world.deployment.coordinators.map((name) => world.deployment.process(name));
  const commands = world.commandsOf('payments');
  payments().forEach((instance) => instance.freeze());
  await world.grows(commands, LOST_COUNT, () => world.burst());
  coordinators.forEach((coordinator) => coordinator.freeze());
  // Before that, the next answers might be on their way to them.
  await world.membersAre(0, ['coordinators']);
  payments().forEach((instance) => instance.thaw());
  await world.catchesUp(world.groupOf('payments'), commands);
  await world.admin.truncate(world.repliesTo());
  await meanwhile();
  coordinators.forEach((coordinator) => coordinator.thaw());
  await world.whole();
}

async function hasLostEnds(): Promise<boolean> {
  const rows = await world.deployment.query('atone', 'select gid from atone.global_transaction');
  const known = new Set(rows.map(({ gid }) => gid));
  return world.load.told.some(({ gid }) => !known.has(gid));
}

function payments(): readonly DeployedProcess[] {
  const { deployment } = world;
  return deployment.instancesOf('payments').map((name) => deployment.process(name));
}

function startCount(name: string): number {
  return world.deployment.process(name).startCount;
}
