import { currentTransaction, saga } from '@atone/participant';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createTestingCoordinator, type TestingCoordinator } from './index.js';
import { LedWorld, miles } from './testing/led.world.js';

let atone: TestingCoordinator;
let world: LedWorld;

beforeEach(() => {
  atone = createTestingCoordinator();
  world = new LedWorld(atone);
});

/** Calls both services in a transaction that is aborted. Returns its gid. */
async function failToBook(trip: string, atLast = (): void => undefined): Promise<string> {
  let gid = '';
  const booked = world.transactions.run({ name: 'book-trip', timeout: '30s' }, async () => {
    gid = currentTransaction()?.gid ?? '';
    await world.hotelClient.hold({ trip, nights: 2 });
    await world.milesClient.spend({ trip });
    atLast();
    throw new Error('changed my mind');
  });
  await expect(booked).rejects.toThrow('changed my mind');
  return gid;
}

async function passedMs(wait: () => Promise<void>): Promise<number> {
  const [before] = (await atone.client.list()).transactions;
  await wait();
  return atone.led.ports.clock.now() - Date.parse(before?.acceptedAt ?? '');
}

describe('it is quiet', () => {
  test('while an undo is stuck, and those before it are told to wait for it', async () => {
    atone.failAt(miles.spend, 'refuse', { op: 'compensate' });
    const gid = await failToBook('t-1');

    const ms = await passedMs(() => atone.quiet());

    expect(await atone.client.get(gid)).toMatchObject({ stuck: { reason: 'refused', branchId: '2' } });
    expect(world.entriesOf('t-1')).toEqual({ hotels: ['held'], miles: ['spent'] });
    expect(ms).toBeLessThan(5 * 60_000);
  });

  test('while a transaction waits for a service that has left', async () => {
    const gid = await failToBook('t-1', () => world.leave('miles'));

    const ms = await passedMs(() => atone.quiet());

    expect(await atone.client.get(gid)).toMatchObject({ stuck: { reason: 'participant-down' } });
    expect(ms).toBeLessThan(60 * 60_000);
  });

  test('only when all is over that an operator has moved on', async () => {
    atone.failAt(miles.spend, 'refuse', { op: 'compensate' });
    const gid = await failToBook('t-1');
    await atone.quiet();

    await atone.client.retry(gid, { by: 'ann', reason: 'mended' });
    await atone.quiet();

    expect(world.entriesOf('t-1')).toEqual({
      hotels: ['held', 'released'],
      miles: ['spent', 'given back'],
    });
  });

  test('or else an error names what goes on', async () => {
    const trip = z.object({ trip: z.string() });
    const spend = saga('spend-for-ever', trip, { timeout: '48h' }).step(
      'spend',
      miles.spend,
      (input) => input,
      {
        retry: { attemptCountMax: 10_000, capMs: 3_600_000 },
      },
    );
    atone.failAt(miles.spend, 'before-effect', { times: Infinity });
    const { gid } = await atone.client.submit(spend, { trip: 't-1' });

    await expect(atone.quiet()).rejects.toThrow(
      `A day has passed, and it is not quiet: 'spend-for-ever' ${gid} is running.`,
    );
  });
});
