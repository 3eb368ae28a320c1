import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Problem, TransactionPage, TransactionView } from '@atone/protocol';
import { payFirst, placeOrder } from '../harness/contracts.js';
import { Stock } from '../harness/stock.service.js';
import { Gate } from '../harness/until.js';
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

const WAIT = { wait: '15s' } as const;
const ANN = { by: 'ann', reason: 'ticket 4711' };

describe('a pivot', () => {
  test('that refuses aborts', async () => {
    world.script.refuse('payments.charge');

    const { gid, outcome } = await world.sagas.submit(payFirst, {}, WAIT);

    expect(outcome).toBe('aborted');
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
  });

  test('that said yes has a step after it asked in new rounds until that says yes, too', async () => {
    world.script.refuse('shipping.book', 2);

    const { gid, outcome, transaction } = await world.sagas.submit(payFirst, {}, WAIT);

    expect(outcome).toBe('committed');
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
    expect(transaction.branches[2]).toMatchObject({ state: 'done', round: 3 });
    expect(await world.barriersOf(gid)).toMatchObject({ parcel: { state: 'done', round: 3 } });
  });

  test('SA5 that was sent keeps an operator from aborting until its answer is known, and the reason is told', async () => {
    const gate = new Gate();
    world.transport.breakBy(({ branchId }) => (branchId === 'charge' ? gate.passage : undefined));
    const { gid } = await world.sagas.submit(payFirst, {});
    await world.transport.sentTo('charge', 'action', gid);

    const { status, body } = await world.ask<Problem>(`POST /v1/transactions/${gid}/abort`, { body: ANN });

    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      detail: expect.stringContaining('its pivot was sent, and only the stored answer of the pivot can tell'),
    });
    gate.open();
    expect(await world.ended(gid)).toMatchObject({ outcome: 'committed' });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
  });

  test('that said yes keeps an operator from aborting for ever', async () => {
    const { entered, exit } = world.script.hold('shipping.book');
    const { gid } = await world.sagas.submit(payFirst, {});
    await entered.passage;

    const { status, body } = await world.ask<Problem>(`POST /v1/transactions/${gid}/abort`, { body: ANN });

    expect(status).toBe(409);
    expect(body.detail).toContain('it is committing, and a decision never changes');
    exit.open();
    expect(await world.ended(gid)).toMatchObject({ outcome: 'committed' });
  });
});

/** Returns a transaction whose first step cannot be undone. */
async function stuckAtRelease(): Promise<TransactionView> {
  world.script.refuse('stock.release');
  const { gid } = await world.sagas.submit(placeOrder, { account: 'nobody' });
  return world.stuck(gid);
}

async function stuckOnes(): Promise<readonly string[]> {
  const { body } = await world.ask<TransactionPage>('GET /v1/transactions?stuck=true');
  return body.transactions.map(({ gid }) => gid);
}

describe('a compensation that was refused', () => {
  test('SA4 is shown among what is stuck, and ends when an operator has it asked again', async () => {
    const { gid } = await stuckAtRelease();

    const { body: list } = await world.ask<TransactionPage>('GET /v1/transactions?stuck=true');

    expect(list.transactions.find((each) => each.gid === gid)).toMatchObject({
      outcome: 'aborted',
      state: 'aborting',
      stuck: {
        reason: 'refused',
        branchId: 'stock',
        message: 'The compensation was refused: stock.release says no',
        since: expect.any(String),
        waysOut: ['retry', 'skip'],
      },
    });
    world.script.clear();
    const retried = await world.ask(`POST /v1/transactions/${gid}/retry`, {
      body: { by: 'ann', branchId: 'stock' },
    });
    expect(retried.status).toBe(200);
    const view = await world.ended(gid);
    expect(view).toMatchObject({
      state: 'aborted',
      branches: [{ state: 'compensated', undoRound: 2 }, {}, {}],
    });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
    expect(await stuckOnes()).not.toContain(gid);
  });

  test('is still refused in the same round, however often the network repeats it', async () => {
    const { gid } = await stuckAtRelease();
    world.script.clear();
    const command = await world.transport.sentTo('stock', 'compensate', gid);

    const reply = await world.transport.deliverAgain(command);

    expect(reply).toMatchObject({ outcome: 'refused', refusal: { isStored: true } });
    expect(await world.effectsOf(gid)).toEqual(['stock']);
    await world.coordinator.client.retry(gid);
    await world.ended(gid);
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
  });

  test('ends when an operator skips it, and the history shows who did so and why', async () => {
    const { gid } = await stuckAtRelease();

    const { status } = await world.ask(`POST /v1/transactions/${gid}/branches/stock/skip`, { body: ANN });

    expect(status).toBe(200);
    const view = await world.ended(gid);
    expect(view.state).toBe('aborted');
    expect(view.branches[0]).toMatchObject({ state: 'skipped', skipped: ANN });
    expect(view.history.map(({ at: _at, ...entry }) => entry)).toEqual(
      expect.arrayContaining([
        { what: 'operator-skip', branchId: 'stock', by: 'ann', message: 'ticket 4711' },
        { what: 'skipped', branchId: 'stock', by: 'ann' },
      ]),
    );
    world.script.clear();
    const undo = await world.transport.sentTo('stock', 'compensate', gid);
    expect(await world.transport.deliverAgain(undo)).toMatchObject({ outcome: 'refused' });
    expect(await world.effectsOf(gid)).toEqual(['stock']);
  });

  test('is not skipped without a reason, and nothing changes', async () => {
    const { gid, version, history } = await world.setAside((await stuckAtRelease()).gid);

    const { status, body } = await world.ask<Problem>(`POST /v1/transactions/${gid}/branches/stock/skip`, {
      body: { by: 'ann' },
    });

    expect([status, body.code]).toEqual([400, 'BAD_REQUEST']);
    expect(body.errors).toEqual([{ field: '/reason', message: 'is missing' }]);
    expect(await world.coordinator.client.get(gid)).toMatchObject({ version, history, state: 'aborting' });
    world.script.clear();
    await world.coordinator.client.retry(gid);
    await world.ended(gid);
  });
});

describe('a mistake in the code of an action', () => {
  test('makes the transaction stuck at once, and an abort undoes what was done', async () => {
    world.script.on('payments.charge', () => {
      throw new TypeError("Cannot read properties of undefined (reading 'cents')");
    });
    const { gid } = await world.sagas.submit(placeOrder, {});

    const { stuck, branches } = await world.stuck(gid);
    const { status } = await world.ask(`POST /v1/transactions/${gid}/abort`, { body: ANN });

    expect(stuck).toMatchObject({
      reason: 'code',
      branchId: 'charge',
      message: "TypeError: Cannot read properties of undefined (reading 'cents')",
      // No skip: the parcel needs what the charge answers.
      waysOut: ['retry', 'abort'],
    });
    expect(branches[1]).toMatchObject({ attempt: 1, lastError: { class: 'code' } });
    expect(status).toBe(200);
    expect(await world.ended(gid)).toMatchObject({ outcome: 'aborted', abort: { code: 'operator' } });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'stock undone']);
    expect(await world.barriersOf(gid)).toMatchObject({ charge: { state: 'undone', wasEmpty: true } });
  });

  test('that was mended goes on where it stopped', async () => {
    world.script.on('payments.charge', () => {
      throw new TypeError('not a function');
    });
    const { gid } = await world.sagas.submit(placeOrder, {});
    await world.stuck(gid);
    world.script.clear();

    await world.coordinator.client.retry(gid, ANN);

    expect(await world.ended(gid)).toMatchObject({ outcome: 'committed' });
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
  });
});

describe('a write past the transaction of the branch', () => {
  test('is refused with the remedy, writes nothing, and an abort leaves nothing behind', async () => {
    await world.databases.stock.fund('vase', 9);
    world.script.on('stock.reserve', async () => world.provided('stock', Stock).giveAway('vase'));
    const { gid } = await world.sagas.submit(placeOrder, {});

    const { stuck } = await world.stuck(gid);
    await world.coordinator.client.abort(gid, ANN);

    expect(stuck).toMatchObject({ reason: 'code', message: expect.stringContaining('branch.transaction') });
    expect(stuck?.message).toMatch(/^stock\.reserve sent a statement \(UPDATE\) past its transaction/u);
    expect(await world.ended(gid)).toMatchObject({ outcome: 'aborted' });
    expect(await world.databases.stock.amountOf('vase')).toBe(9);
    expect(await world.effectsOf(gid)).toEqual([]);
  });

  test('counts although the handler catches the error and goes on', async () => {
    await world.databases.stock.fund('clock', 4);
    world.script.on('stock.reserve', async () => {
      await world
        .provided('stock', Stock)
        .giveAway('clock')
        .catch(() => undefined);
    });
    const { gid } = await world.sagas.submit(placeOrder, {});

    const { stuck } = await world.stuck(gid);
    await world.coordinator.client.abort(gid, ANN);

    expect(stuck?.reason).toBe('code');
    await world.ended(gid);
    expect(await world.databases.stock.amountOf('clock')).toBe(4);
    expect(await world.effectsOf(gid)).toEqual([]);
  });
});
