import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { placeOrder, placeOrderHastily, twoGifts } from '../harness/contracts.js';
import type { Scene } from '../harness/script.js';
import { Gate, until } from '../harness/until.js';
import { FUNDS, World } from '../harness/world.js';

let world: World;

beforeAll(async () => {
  world = await World.start();
}, 60_000);

afterEach(async () => {
  await world.settle();
});

afterAll(async () => {
  await world.close();
});

const WAIT = { wait: '15s' } as const;

describe('a saga whose participants all say yes', () => {
  test('commits, each step fed by the one before, and shows what happened and when', async () => {
    const result = await world.sagas.submit(
      placeOrder,
      { amount: 7 },
      { ...WAIT, tags: { customer: 'ann' } },
    );

    expect(result).toMatchObject({ outcome: 'committed', isReplay: false });
    expect(result.outputs).toMatchObject({
      stock: { amount: 7 },
      charge: { amount: 7 },
      parcel: { amount: 7 },
    });
    expect(await world.effectsOf(result.gid)).toEqual(['stock', 'charge', 'parcel']);
    const { body: view } = await world.ask(`GET /v1/transactions/${result.gid}`);
    const shown = {
      state: 'done',
      attempt: 1,
      round: 1,
      startedAt: expect.any(String),
      endedAt: expect.any(String),
    };
    expect(view).toMatchObject({
      name: 'place-order',
      initiator: 'orders',
      state: 'committed',
      tags: { customer: 'ann' },
      input: { sku: 'lamp', amount: 7 },
      endedAt: expect.any(String),
      branches: [
        { ...shown, branchId: 'stock', service: 'stock', action: 'reserve', after: [] },
        { ...shown, branchId: 'charge', service: 'payments', action: 'charge', after: ['stock'] },
        { ...shown, branchId: 'parcel', service: 'shipping', action: 'book', after: ['charge'] },
      ],
    });
    expect(whatOf(view)).toEqual(['accepted', 'done stock', 'done charge', 'done parcel', 'committed']);
  });
});

describe('a refusal', () => {
  test.each<[string, Scene, string[], string[]]>([
    ['stock', 'stock.reserve', [], ['stock']],
    ['charge', 'payments.charge', ['stock', 'stock undone'], ['stock', 'charge']],
    [
      'parcel',
      'shipping.book',
      ['stock', 'charge', 'charge undone', 'stock undone'],
      ['stock', 'charge', 'parcel'],
    ],
  ])('of %s undoes what came before, once and backwards, and nothing else is called', async (...row) => {
    const [branchId, scene, effects, called] = row;
    world.script.refuse(scene);

    const result = await world.sagas.submit(placeOrder, {}, WAIT);

    expect(result).toMatchObject({
      outcome: 'aborted',
      abort: { code: 'refused', branchId, message: `${scene} says no` },
    });
    expect(await world.effectsOf(result.gid)).toEqual(effects);
    expect(Object.keys(await world.barriersOf(result.gid)).toSorted()).toEqual(called.toSorted());
  });

  test('SA2 has a step undone only when what came after it is undone', async () => {
    world.script.refuse('shipping.book', 1);
    const { entered, exit } = world.script.hold('payments.refund');
    const { gid } = await world.sagas.submit(placeOrder, {});
    await entered.passage;

    // While the refund takes its time, another saga runs from its start to its end.
    const other = await world.sagas.submit(placeOrder, {}, WAIT);

    const undos = world.transport.sent.filter(
      (command) => command.gid === gid && command.op === 'compensate',
    );
    expect([other.outcome, undos.map(({ branchId }) => branchId)]).toEqual(['committed', ['charge']]);
    exit.open();
    expect(await world.ended(gid)).toMatchObject({ outcome: 'aborted' });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'charge undone', 'stock undone']);
  });

  test('for want of money tells the reason and its details', async () => {
    const result = await world.sagas.submit(placeOrder, { account: 'nobody' }, WAIT);

    expect(result.abort?.message).toBe('not enough money');
    expect(result.transaction.branches[1]?.refusal).toEqual({
      reason: 'not enough money',
      details: { account: 'nobody' },
    });
  });

  test('S5 that comes again after the abort, when there is money enough, still does nothing', async () => {
    await world.databases.payments.fund('bob', 2);
    const { gid } = await world.sagas.submit(placeOrder, { account: 'bob', amount: 5 }, WAIT);
    const command = await world.transport.sentTo('charge', 'action', gid);
    await world.databases.payments.fund('bob', 100);

    const reply = await world.transport.deliverAgain(command);

    expect(reply).toMatchObject({ outcome: 'refused', refusal: { isStored: true } });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
    expect(await world.databases.payments.amountOf('bob')).toBe(102);
  });
});

describe('an unknown outcome', () => {
  test.each(['stock', 'charge', 'parcel'])(
    'of %s, because the answer was lost after the effect, costs no second effect',
    async (branchId) => {
      world.transport.breakBy((command) =>
        command.branchId === branchId && command.attempt === 1 ? 'lose-reply' : undefined,
      );

      const result = await world.sagas.submit(placeOrderHastily, {}, WAIT);

      expect(result.outcome).toBe('committed');
      expect(await world.effectsOf(result.gid)).toEqual(['stock', 'charge', 'parcel']);
      expect(whatOf(result.transaction)).toContain(`unknown ${branchId}`);
    },
  );

  test.each(['stock', 'charge', 'parcel'])(
    'of %s, because the command was lost before the effect, is asked again',
    async (branchId) => {
      world.transport.breakBy((command) =>
        command.branchId === branchId && command.attempt === 1 ? 'lose-command' : undefined,
      );

      const result = await world.sagas.submit(placeOrderHastily, {}, WAIT);

      expect(result.outcome).toBe('committed');
      expect(await world.effectsOf(result.gid)).toEqual(['stock', 'charge', 'parcel']);
      expect(
        result.transaction.branches.find((branch) => branch.branchId === branchId)?.attempt,
      ).toBeGreaterThan(1);
    },
  );

  test('of an undo is asked again, and undoes once', async () => {
    world.script.refuse('shipping.book');
    world.transport.breakBy(({ op, attempt, branchId }) => {
      const isFirstUndo = op === 'compensate' && attempt === 1;
      return isFirstUndo ? (branchId === 'charge' ? 'lose-reply' : 'lose-command') : undefined;
    });

    const result = await world.sagas.submit(placeOrderHastily, {}, WAIT);

    expect(result.outcome).toBe('aborted');
    expect(await world.effectsOf(result.gid)).toEqual(['stock', 'charge', 'charge undone', 'stock undone']);
  });
});

describe('a command that the network delivers twice', () => {
  test('S4 has one effect, and both deliveries get the same answer', async () => {
    const { gid } = await world.sagas.submit(placeOrder, {}, WAIT);
    const before = await world.databases.payments.amountOf('ann');
    const command = await world.transport.sentTo('charge', 'action', gid);

    const again = await world.transport.deliverAgain(command);

    expect(again).toEqual(world.transport.repliesTo(command)[0]?.reply);
    expect(await world.databases.payments.amountOf('ann')).toBe(before);
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
  });
});

describe('a command that makes no sense', () => {
  test('L3 makes its own transaction stuck, and harms no other that is sent along with it', async () => {
    let garbledGid: string | undefined;
    world.transport.breakBy(({ branchId, op, gid }) => {
      garbledGid ??= branchId === 'charge' ? gid : undefined;
      return gid === garbledGid && op === 'action' ? 'garble' : undefined;
    });
    const submissions = await Promise.all(
      Array.from({ length: 8 }, async () => world.sagas.submit(placeOrder, {})),
    );

    const bad = await until('the command was garbled', () => garbledGid);
    const { stuck } = await world.stuck(bad);
    await world.coordinator.client.abort(bad, { reason: 'garbled' });

    expect(stuck).toMatchObject({ reason: 'bad-payload', message: expect.stringContaining('/traceparent') });
    const views = await Promise.all(submissions.map(async ({ gid }) => world.ended(gid)));
    expect(views.filter(({ outcome }) => outcome === 'committed')).toHaveLength(7);
    expect(await world.effectsOf(bad)).toEqual(['stock', 'stock undone']);
  });
});

describe('branches side by side', () => {
  test('both run before what comes after them', async () => {
    const { gid, outcome } = await world.sagas.submit(twoGifts, {}, WAIT);

    expect(outcome).toBe('committed');
    const effects = await world.effectsOf(gid);
    expect([effects[0], effects.slice(1, 3).toSorted(), effects[3]]).toEqual([
      'stock',
      ['charge', 'gift'],
      'parcel',
    ]);
  });

  test('are undone when one of them refuses after the other was done', async () => {
    let gift = 0;
    world.script.on('payments.charge', async (gid) => {
      gift = await until('the gift is taken', async () => {
        return (await world.effectsOf(gid)).filter((what) => what === 'gift').length;
      });
    });

    const result = await world.sagas.submit(twoGifts, { account: 'nobody' }, WAIT);

    expect([result.outcome, gift]).toEqual(['aborted', 1]);
    expect(await world.effectsOf(result.gid)).toEqual(['stock', 'gift', 'gift undone', 'stock undone']);
  });

  test('are undone when one of them refuses while the other is still on its way, which then does nothing', async () => {
    const gate = new Gate();
    world.transport.breakBy(({ branchId, op }) =>
      branchId === 'gift' && op === 'action' ? gate.passage : undefined,
    );

    const result = await world.sagas.submit(twoGifts, { account: 'nobody' }, WAIT);
    gate.open();

    const command = await world.transport.sentTo('gift', 'action', result.gid);
    const late = await until('the late gift is answered', () => world.transport.repliesTo(command)[0]?.reply);
    expect([result.outcome, late]).toEqual(['aborted', { outcome: 'already-undone' }]);
    expect(await world.effectsOf(result.gid)).toEqual(['stock', 'stock undone']);
    expect(await world.barriersOf(result.gid)).toMatchObject({ gift: { state: 'undone', wasEmpty: true } });
  });
});

test('SA1 many sagas at once, some of them refused, keep all accounts in balance', async () => {
  await world.databases.payments.fund('eve', 20);
  const before = await world.databases.stock.amountOf('lamp');

  const results = await Promise.all(
    Array.from({ length: 30 }, async () =>
      world.sagas.submit(placeOrder, { account: 'eve', amount: 2 }, WAIT),
    ),
  );

  const outcomes = results.map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(10);
  expect(outcomes.filter((outcome) => outcome === 'aborted')).toHaveLength(20);
  expect(await world.databases.payments.amountOf('eve')).toBe(0);
  expect(await world.databases.stock.amountOf('lamp')).toBe((before ?? FUNDS) - 20);
});

/** The history without its times: `done charge`. */
function whatOf(view: unknown): readonly string[] {
  const { history } = view as { history: readonly { what: string; branchId?: string }[] };
  return history.map(({ what, branchId }) => (branchId === undefined ? what : `${what} ${branchId}`));
}
