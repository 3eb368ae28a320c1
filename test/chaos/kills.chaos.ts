import { afterEach, describe, expect, test } from '@jest/globals';
import { SeededRandom } from '@atone/engine/testing';
import { fileURLToPath } from 'node:url';
import { drawKills, runOrders, someOrders } from './chaos.run.js';
import { ChaosWorld, type WorldOptions } from './chaos.world.js';

const FORGETFUL = fileURLToPath(new URL('./forgetful.coordinator.mjs', import.meta.url));

/** Has every barrier row vanish with the transaction that wrote it: what a participant without a barrier remembers. */
const FORGET = `
create function atone.forget() returns trigger language plpgsql as $$
begin
  delete from atone.barrier where gid = new.gid and branch_id = new.branch_id;
  return null;
end $$;
create constraint trigger forget after insert on atone.barrier
deferrable initially deferred for each row execute function atone.forget();`;

let world: ChaosWorld | undefined;

afterEach(async () => {
  await world?.stop();
});

test('S4 S8 L1 2,000 orders survive 20 kills at random moments: each ends, nothing twice, nothing lost', async () => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`CHAOS_SEED=${seed}\n`);
  const random = new SeededRandom(seed);
  const orders = await someOrders(2_000);
  const kills = drawKills(20, orders.length, () => random.next());
  world = await ChaosWorld.start(orders);

  await runOrders(world, orders, kills);

  expect(await world.violations(orders.length)).toEqual([]);
  expect(world.startCount('coordinator')).toBeGreaterThanOrEqual(4);
});

describe('the check proves itself', () => {
  /** Payments dies after its effect is committed and before it answers, on the twentieth of each of its lives. */
  const answersLost: WorldOptions = {
    failpoints: { payments: { name: 'participant.action.beforeReply', passes: '20' } },
  };

  test('with barriers, answers that are lost after the effect harm nothing', async () => {
    const orders = await someOrders(100);
    world = await ChaosWorld.start(orders, answersLost);

    await runOrders(world, orders, []);

    expect(await world.violations(orders.length)).toEqual([]);
    expect(world.startCount('payments')).toBeGreaterThan(1);
  });

  test('without barriers, the same lost answers take money that nobody owes, and the check says so', async () => {
    const orders = await someOrders(100);
    world = await ChaosWorld.start(orders, answersLost);
    await world.inspect('shop_payments', async (query) => query(FORGET));

    await runOrders(world, orders, []);

    const violations = await world.violations(orders.length);
    // Charged again by the repeat; or, where that found too little money left, for an order that was aborted.
    expect(violations).toContainEqual(expect.stringMatching(/^order \d+ cost \d+ instead of \d+$/u));
  });

  test.each(['engine.first.beforeWrite', 'engine.first.afterWrite', 'engine.end.beforeWrite'])(
    'with every decision written first, deaths of the coordinator at %s harm nothing',
    async (failpoint) => {
      const orders = await someOrders(200);
      world = await ChaosWorld.start(orders, { coordinatorFailpoint: `${failpoint}=kill@60` });

      await runOrders(world, orders, []);

      expect(await world.violations(orders.length)).toEqual([]);
      expect(world.startCount('coordinator')).toBeGreaterThan(1);
    },
  );

  test('where the decision to abort is not written first, a crash leaves orders that cannot end, and the check says so', async () => {
    const orders = await someOrders(300);
    world = await ChaosWorld.start(orders, { coordinator: FORGETFUL });

    await runOrders(world, orders, []);

    expect(world.startCount('coordinator')).toBeGreaterThan(1);
    // Their create was undone in a former life, of which the log knows nothing: asked for again, it can be neither done nor undone.
    const violations = await world.violations(orders.length);
    expect(violations).toContainEqual(expect.stringMatching(/^\d+ transactions are running, stuck: mixed$/u));
  });
});
