import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AtoneClient } from '@atone/nestjs';
import { createAtoneClient } from '@atone/participant';
import { payFirst, placeOrder } from '../harness/contracts.js';
import { CoordinatorProcess } from '../harness/coordinator.process.js';
import { Gate, until } from '../harness/until.js';
import { World } from '../harness/world.js';

let world: World;
let doomed: CoordinatorProcess | undefined;

beforeAll(async () => {
  world = await World.start();
}, 60_000);

afterEach(async () => {
  await doomed?.kill();
  await world.settle();
});

afterAll(async () => {
  await world.close();
});

type Submit = Parameters<AtoneClient['submit']>;

/** Starts sagas at a coordinator other than the world's own. */
function clientOf(url: string): AtoneClient {
  return createAtoneClient({ url, patience: 0 });
}

describe('a coordinator that is killed', () => {
  test('L2 leaves what it had under way to another one, which ends all of it with one effect each', async () => {
    doomed = await CoordinatorProcess.start(world.logUrl);
    const client = clientOf(doomed.url);
    const submit = async (...args: Submit): Promise<string> => (await client.submit(...args)).gid;
    // Each is held where the ones before it have passed already.
    const atTheEnd = world.script.hold('shipping.book');
    const forward = await submit(placeOrder, {});
    await atTheEnd.entered.passage;
    const atTheUndo = world.script.hold('stock.release');
    const backward = await submit(placeOrder, { account: 'nobody' });
    await atTheUndo.entered.passage;
    const atThePivot = world.script.hold('payments.charge');
    const deciding = await submit(payFirst, {});
    await atThePivot.entered.passage;
    const atTheStart = world.script.hold('stock.reserve');
    const fresh = await submit(placeOrder, {});
    await atTheStart.entered.passage;

    await doomed.kill();
    for (const { exit } of [atTheStart, atThePivot, atTheUndo, atTheEnd]) {
      exit.open();
    }

    const views = await Promise.all(
      [forward, backward, deciding, fresh].map(async (gid) => world.ended(gid)),
    );
    expect(views.map(({ state }) => state)).toEqual(['committed', 'aborted', 'committed', 'committed']);
    expect(views.every(({ history }) => history.some(({ what }) => what === 'claimed'))).toBe(true);
    const effects = await Promise.all(views.map(async ({ gid }) => world.effectsOf(gid)));
    expect(effects).toEqual([
      ['stock', 'charge', 'parcel'],
      ['stock', 'stock undone'],
      ['stock', 'charge', 'parcel'],
      ['stock', 'charge', 'parcel'],
    ]);
  }, 60_000);
});

describe('a coordinator that is told to stop', () => {
  test('hands over what it had under way', async () => {
    const leaving = await world.startCoordinator();
    leaving.transport.breakBy(({ branchId }) => (branchId === 'charge' ? 'lose-command' : undefined));
    const { gid } = await leaving.client.submit(placeOrder, {});
    await leaving.transport.sentTo('charge', 'action');

    await leaving.close();

    expect(await world.ended(gid)).toMatchObject({ outcome: 'committed' });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
  });
});

describe('an abort at another coordinator than the one that drives the saga', () => {
  test('S7 undoes every step, called or not, and what is still on its way does nothing', async () => {
    const gate = new Gate();
    const driver = await world.startCoordinator();
    driver.transport.breakBy(({ branchId, op }) =>
      branchId === 'charge' && op === 'action' ? gate.passage : undefined,
    );
    const { gid } = await driver.client.submit(placeOrder, {});
    const command = await driver.transport.sentTo('charge', 'action');

    await world.coordinator.client.abort(gid, { by: 'ann', reason: 'wrong customer' });

    const view = await world.ended(gid);
    expect(view).toMatchObject({
      outcome: 'aborted',
      abort: { code: 'operator', message: 'wrong customer' },
    });
    expect(view.branches.map(({ state }) => state)).toEqual(['compensated', 'compensated', 'compensated']);
    const undone = world.transport.sent.filter(({ op, gid: whose }) => op === 'compensate' && whose === gid);
    expect(undone.map(({ branchId }) => branchId)).toEqual(['parcel', 'charge', 'stock']);
    expect(await world.barriersOf(gid)).toMatchObject({
      stock: { state: 'undone', wasEmpty: false },
      charge: { state: 'undone', wasEmpty: true },
      parcel: { state: 'undone', wasEmpty: true },
    });
    gate.open();
    const late = await until(
      'the late charge is answered',
      () => driver.transport.repliesTo(command)[0]?.reply,
    );
    expect(late).toEqual({ outcome: 'already-undone' });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
    await until('the former driver shows the end, too', async () => {
      const { state, version } = await driver.client.get(gid);
      return state === 'aborted' && version === view.version;
    });
  });
});
