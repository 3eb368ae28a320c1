import {
  action,
  contract,
  createParticipant,
  currentTransaction,
  tryAction,
  type GlobalTransactions,
} from '@atone/participant';
import { MemoryDatabase } from '@atone/participant/testing';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createTestingCoordinator, type TestingCoordinator } from './index.js';
import { hotels, LedWorld, miles } from './testing/led.world.js';

let atone: TestingCoordinator;
let world: LedWorld;

beforeEach(() => {
  atone = createTestingCoordinator();
  world = new LedWorld(atone);
});

const BOOKED = { hotels: ['held', 'booked'], miles: ['spent'] };
const UNDONE = { hotels: ['held', 'released'], miles: ['spent', 'given back'] };

/** Books a trip, and tells its gid and how that ended. */
async function gidOfTrip(trip: string): Promise<string> {
  let gid = '';
  await world.transactions.run({ name: 'book-trip' }, async () => {
    gid = currentTransaction()?.gid ?? '';
    await world.hotelClient.hold({ trip, nights: 2 });
    await world.milesClient.spend({ trip });
  });
  await atone.quiet();
  return gid;
}

describe('a global transaction in a test', () => {
  test('commits over services that share the coordinator in memory', async () => {
    const { room } = await world.book('t-1');
    await atone.quiet();

    expect(room).toBe(7);
    expect(world.entriesOf('t-1')).toEqual(BOOKED);
  });

  test('undoes what was done when its method throws', async () => {
    await expect(world.book('t-2', 8)).rejects.toThrow('no room for so long');
    await atone.quiet();

    expect(world.entriesOf('t-2')).toEqual({ hotels: [], miles: [] });
  });

  test('is told as a story', async () => {
    const gid = await gidOfTrip('t-3');

    expect(await atone.history(gid)).toMatchInlineSnapshot(`
     "committing
     1 confirmed
     2 confirmed
     committed"
    `);
  });

  test('leaves a branch in doubt when its initiator never ends, and that is asked about after the deadline', async () => {
    const held = world.transactions.run({ name: 'book-trip', timeout: '20s' }, async () => {
      await world.hotelClient.hold({ trip: 't-4', nights: 2 });
      return new Promise(() => undefined);
    });
    held.catch(() => undefined);
    await atone.advance('15s');
    const before = world.entriesOf('t-4').hotels;

    await atone.advance('15s');

    expect(before).toEqual(['held']);
    expect(world.entriesOf('t-4').hotels).toEqual(['held', 'released']);
    expect(await atone.client.list()).toMatchObject({
      transactions: [{ name: 'book-trip', outcome: 'aborted', initiator: 'trips' }],
    });
  });

  test('is shown as hearsay before anything of it is written', async () => {
    const held = world.transactions.run({ name: 'book-trip' }, async () => {
      await world.hotelClient.hold({ trip: 't-5', nights: 2 });
      return new Promise(() => undefined);
    });
    held.catch(() => undefined);

    await atone.advance('1s');

    const { transactions } = await atone.client.list();
    expect(transactions).toMatchObject([{ isHearsay: true, state: 'active', name: 'book-trip' }]);
    expect(await atone.client.get(transactions[0]?.gid ?? '')).toMatchObject({
      isHearsay: true,
      branches: [{ branchId: '1', service: 'hotels', action: 'hold', state: 'done', isHearsay: true }],
    });
  });

  test('asks for nothing that a test before has left in doubt', async () => {
    void world.transactions
      .run({ name: 'book-trip' }, async () => {
        await world.hotelClient.hold({ trip: 't-6', nights: 2 });
        return new Promise(() => undefined);
      })
      .catch(() => undefined);
    await atone.advance('1s');
    await atone.reset();

    await world.book('t-7');
    await atone.quiet();
    await atone.advance('10m');

    expect(world.entriesOf('t-6').hotels).toEqual(['held']);
    expect((await atone.client.list()).transactions).toHaveLength(1);
  });

  test('can begin on virtual time, far from that of any clock', async () => {
    await atone.advance('10m');

    await world.book('t-8');
    await atone.quiet();

    expect(world.entriesOf('t-8')).toEqual(BOOKED);
  });
});

describe('a handler that calls another service', () => {
  const tours = contract('tours', {
    book: action({ input: z.object({ trip: z.string() }), output: z.object({ room: z.int() }) }),
  });
  const database = new MemoryDatabase();
  let web: GlobalTransactions;

  beforeEach(() => {
    web = atone.globalTransactions({ service: 'web' });
    atone.serve({
      service: 'tours',
      database: database.connect(),
      handlers: [
        {
          contract: tours.book,
          run: async (input) => world.hotelClient.hold({ ...(input as { trip: string }), nights: 1 }),
          compensate: async () => undefined,
        },
      ],
    });
  });

  function bookTour(trip: string): Promise<{ room: number }> {
    return web.run({ name: 'tour' }, () => atone.serviceClient(tours).book({ trip }));
  }

  test('is part of its caller: both commit, and no point leaves half of it', async () => {
    const { points } = await atone.everyCrashPoint(
      (run) => bookTour(`tour-${run}`),
      ({ run }) => {
        const held = world.entriesOf(`tour-${run}`).hotels;
        const [booked, released, all] = ['booked', 'released', 'held'].map(
          (what) => held.filter((entry) => entry === what).length,
        );
        expect({ booked, released }).toEqual({
          booked: booked === 0 ? 0 : 1,
          released: Number(all) - Number(booked),
        });
      },
    );

    expect(points).toContain('call of hotels.hold (1.1) is lost #1');
    expect(points).not.toContain('initiator crashes before call of hotels.hold (1.1) #1');
  });
});

describe('failAt', () => {
  test.each([
    { kind: 'before-effect', takes: undefined, entries: BOOKED },
    { kind: 'after-effect', takes: undefined, entries: BOOKED },
    { kind: 'crash', takes: undefined, entries: BOOKED },
    { kind: 'slow', takes: '11s', entries: UNDONE },
    { kind: 'slow', takes: '5s', entries: BOOKED },
  ] as const)('has a call go wrong: $kind ($takes)', async ({ kind, entries, ...options }) => {
    const fault = atone.failAt(miles.spend, kind, options);

    await world.book('t-1').catch(() => undefined);
    await atone.quiet();

    expect(fault.happenedCount).toBe(1);
    expect(world.entriesOf('t-1')).toEqual(entries);
  });

  test('has a try refused, and what was done before it undone', async () => {
    atone.failAt(miles.spend, 'refuse', { reason: 'no miles' });

    await expect(world.book('t-2')).rejects.toThrow('no miles');
    await atone.quiet();

    expect(world.entriesOf('t-2')).toEqual({ hotels: ['held', 'released'], miles: [] });
  });

  test.each(['before-effect', 'after-effect', 'crash', 'slow'] as const)(
    'has a confirm go wrong that is asked for again: %s',
    async (kind) => {
      const fault = atone.failAt(hotels.hold, kind, { op: 'confirm' });

      await world.book('t-3');
      await atone.quiet();

      expect(fault.happenedCount).toBe(1);
      expect(world.entriesOf('t-3')).toEqual(BOOKED);
    },
  );

  test('has a confirm refused, and the transaction is stuck', async () => {
    atone.failAt(hotels.hold, 'refuse', { op: 'confirm' });

    await world.book('t-4');
    await atone.quiet();

    const [transaction] = (await atone.client.list()).transactions;
    expect(transaction).toMatchObject({ outcome: 'committed', stuck: { branchId: '1' } });
  });

  test('has a cancel go wrong that is asked for again', async () => {
    atone.failAt(miles.spend, 'refuse');
    const fault = atone.failAt(hotels.hold, 'crash', { op: 'cancel' });

    await world.book('t-5').catch(() => undefined);
    await atone.quiet();

    expect(fault.happenedCount).toBe(1);
    expect(world.entriesOf('t-5').hotels).toEqual(['held', 'released']);
  });

  test('takes the number of a call for a step', async () => {
    const fault = atone.failAt(hotels.hold, 'refuse', { step: '2' });

    const both = world.transactions.run({ name: 'two-rooms' }, async () => {
      await world.hotelClient.hold({ trip: 't-6', nights: 1 });
      await world.hotelClient.hold({ trip: 't-6', nights: 2 });
    });

    await expect(both).rejects.toThrow('refused by the test');
    expect(fault.happenedCount).toBe(1);
  });

  test('knows no confirm of an action that is no try', () => {
    expect(() => atone.failAt(miles.spend, 'crash', { op: 'confirm' })).toThrow(
      'miles.spend is no try (tryAction), and has no confirm',
    );
  });
});

describe('a test that forgets something', () => {
  test('is told to serve a participant that was only joined', async () => {
    const shops = contract('shops', { buy: action({ input: z.null(), output: z.null() }) });
    const handlers = [{ contract: shops.buy, run: async () => null, compensate: async () => undefined }];
    atone.join(createParticipant({ service: 'shops', database: new MemoryDatabase().connect(), handlers }));

    const bought = world.transactions.run({ name: 'buy' }, () => atone.serviceClient(shops).buy(null));

    await expect(bought).rejects.toThrow('atone.serve({ service, database, handlers })');
  });

  test('is told who does not take part', async () => {
    const shops = contract('shops', { buy: action({ input: z.null(), output: z.null() }) });

    const bought = world.transactions.run({ name: 'buy' }, () => atone.serviceClient(shops).buy(null));

    await expect(bought).rejects.toThrow("The service 'shops' takes no part in this test");
  });

  test('may have a try stubbed', async () => {
    const cars = contract('cars', { hold: tryAction({ input: z.null(), output: z.null() }) });
    const stub = atone.stub(cars, { hold: () => null });

    await world.transactions.run({ name: 'rent' }, () => atone.serviceClient(cars).hold(null));
    await atone.quiet();

    expect(stub.effects.map(({ op }) => op)).toEqual(['action', 'confirm']);
  });
});
