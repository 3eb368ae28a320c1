import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { BranchCommand } from '@atone/protocol';
import { placeOrder } from '../harness/contracts.js';
import { Gate, until } from '../harness/until.js';
import { World } from '../harness/world.js';

let world: World;

beforeAll(async () => {
  world = await World.start({
    keys: [{ keyId: 'k1', secret: 'known to both of them' }],
    environment: { ATONE_SIGNING_KEYS: 'k1:known to both of them' },
    cleanUp: { every: '50ms', keepFor: '200ms' },
  });
}, 60_000);

afterEach(async () => {
  await world.settle();
});

afterAll(async () => {
  await world.close();
});

const TOO_LATE = {
  outcome: 'unknown',
  error: { class: 'error', message: expect.stringContaining('came too late, and was not carried out') },
};

async function rowsAreGone(gid: string): Promise<void> {
  await until(`the barrier rows of ${gid} are gone`, async () => {
    const rows = await world.barriersOf(gid);
    return Object.keys(rows).length === 0;
  });
}

function sentFor(gid: string, op: BranchCommand['op']): readonly BranchCommand[] {
  return world.transport.sent.filter((command) => command.gid === gid && command.op === op);
}

async function deliverAllAgain(commands: readonly BranchCommand[]): Promise<readonly unknown[]> {
  return Promise.all(commands.map(async (command) => world.transport.deliverAgain(command)));
}

describe('when a transaction has ended, the rows of its branches go', () => {
  test('S4 and its actions, delivered once more, have no second effect', async () => {
    const { gid, outcome } = await world.sagas.submit(placeOrder, {}, { wait: '15s' });
    await rowsAreGone(gid);

    const replies = await deliverAllAgain(sentFor(gid, 'action'));

    expect(outcome).toBe('committed');
    expect(replies).toEqual([TOO_LATE, TOO_LATE, TOO_LATE]);
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
    expect(await world.barriersOf(gid)).toEqual({});
  });

  test('S5 and what was undone stays undone, whatever is delivered once more', async () => {
    const { gid, outcome } = await world.sagas.submit(placeOrder, { account: 'nobody' }, { wait: '15s' });
    await rowsAreGone(gid);

    const undone = await deliverAllAgain(sentFor(gid, 'compensate'));
    await rowsAreGone(gid);
    const done = await deliverAllAgain(sentFor(gid, 'action'));

    expect(outcome).toBe('aborted');
    expect(undone).toEqual([{ outcome: 'undone', wasEmpty: true }]);
    expect(done).toEqual([TOO_LATE, TOO_LATE]);
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
  });

  test('and an older transaction whose first command was held up is carried out all the same', async () => {
    const gate = new Gate();
    world.transport.breakBy(() => gate.passage);
    const { gid: older } = await world.sagas.submit(placeOrder, {});
    await world.transport.sentTo('stock', 'action', older);
    world.transport.heal();
    const { gid: younger } = await world.sagas.submit(placeOrder, {}, { wait: '15s' });
    await rowsAreGone(younger);

    gate.open();

    expect(younger > older).toBe(true);
    expect(await world.ended(older)).toMatchObject({ outcome: 'committed' });
    expect(await world.effectsOf(older)).toEqual(['stock', 'charge', 'parcel']);
  });

  test('and those of a transaction that is under way stay', async () => {
    const step = world.script.hold('shipping.book');
    const { gid } = await world.sagas.submit(placeOrder, {});
    await step.entered.passage;
    const { gid: younger } = await world.sagas.submit(placeOrder, { account: 'nobody' }, { wait: '15s' });
    await rowsAreGone(younger);

    const rows = await world.barriersOf(gid);

    expect(rows).toMatchObject({ stock: { state: 'done' }, charge: { state: 'done' } });
    step.exit.open();
    expect(await world.ended(gid)).toMatchObject({ outcome: 'committed' });
  });
});
