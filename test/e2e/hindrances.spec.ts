import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { TransactionView } from '@atone/protocol';
import { placeOrderBriefly, placeOrderPatiently, placeOrderSoon } from '../harness/contracts.js';
import { Gate, until } from '../harness/until.js';
import { World } from '../harness/world.js';

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

/** Stops the payments as a crash does, which does not take its entry out of the catalogue, and returns its port. */
async function crashPayments(): Promise<number> {
  const { client } = world.coordinator;
  const found = (await client.participants()).find(({ service }) => service === 'payments');
  const port = world.portOf('payments');
  await world.stopService('payments');
  if (found !== undefined) {
    const { service, registeredAt: _registeredAt, seenAt: _seenAt, ...entry } = found;
    await client.registerInstance(service, entry);
  }
  return port;
}

async function unreachable(gid: string): Promise<TransactionView['branches'][number]> {
  return until('the charge could not be delivered', async () => {
    const { branches } = await world.coordinator.client.get(gid);
    return branches.find(({ branchId, lastError }) => branchId === 'charge' && lastError !== undefined);
  });
}

describe('a participant that is down', () => {
  test('is asked again until it is there, and the saga commits', async () => {
    const port = await crashPayments();
    const { gid } = await world.sagas.submit(placeOrderPatiently, {});
    const { lastError } = await unreachable(gid);

    await world.startService('payments', port);

    expect(lastError).toMatchObject({
      class: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await world.ended(gid)).toMatchObject({ outcome: 'committed' });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
  });

  test('for longer than the attempts last has the saga aborted, once its part is undone, too', async () => {
    const port = await crashPayments();
    const { gid } = await world.sagas.submit(placeOrderBriefly, {});
    const aborting = await until('the attempts are out', async () => {
      const view = await world.coordinator.client.get(gid);
      return view.state === 'aborting' ? view : undefined;
    });

    await world.startService('payments', port);

    expect(aborting.abort).toMatchObject({ code: 'attempts', branchId: 'charge' });
    expect(await world.ended(gid)).toMatchObject({ outcome: 'aborted' });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
    expect(await world.barriersOf(gid)).toMatchObject({ charge: { state: 'undone', wasEmpty: true } });
  });
});

describe('a deadline that passes', () => {
  test('SA3 while a command hangs in the network aborts, and the command does nothing when it comes', async () => {
    const gate = new Gate();
    world.transport.breakBy(({ branchId, op }) =>
      branchId === 'charge' && op === 'action' ? gate.passage : undefined,
    );

    const { gid, outcome, abort } = await world.sagas.submit(placeOrderSoon, {}, { wait: '15s' });
    gate.open();

    const command = await world.transport.sentTo('charge', 'action', gid);
    const late = await until(
      'the late charge is answered',
      () => world.transport.repliesTo(command)[0]?.reply,
    );
    expect([outcome, abort?.code, late.outcome]).toEqual(['aborted', 'deadline', 'already-undone']);
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
    expect(await world.barriersOf(gid)).toMatchObject({ charge: { state: 'undone', wasEmpty: true } });
  });

  test('S5 while a handler hangs aborts, and undoes what the handler still did', async () => {
    const { entered, exit } = world.script.hold('payments.charge');
    const { gid } = await world.sagas.submit(placeOrderSoon, {});
    await entered.passage;
    await world.transport.sentTo('charge', 'compensate', gid);

    exit.open();

    expect(await world.ended(gid)).toMatchObject({ outcome: 'aborted', abort: { code: 'deadline' } });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'charge undone', 'stock undone']);
  });
});
