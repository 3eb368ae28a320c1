import { outcomeOfError } from '@atone/nestjs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testBrokers } from './kafka.client.js';
import { TOPICS, type Echo, type Listening, type Party } from './message.services.js';
import { MessageWorld } from './message.world.js';

/** Describes what becomes of messages in a global transaction, whose receivers listen in this way. */
export function describeMessages(listen: Listening): void {
  let world: MessageWorld;

  beforeAll(async () => {
    world = await MessageWorld.start(testBrokers(), listen);
  });

  afterAll(() => world.close());

  function book(party: Party): Promise<{ readonly count: number }> {
    return world.ask(TOPICS.parties, party);
  }

  test('has its handler take part: what that holds is sold at the commit', async () => {
    let answer: unknown;

    const gid = await world.trips.book(async () => {
      answer = await book({ rooms: ['suite', 'attic'] });
    });

    expect(answer).toEqual({ count: 2 });
    expect(await world.linesOf(gid)).toEqual(['attic sold', 'suite sold']);
  });

  test('is undone with the transaction', async () => {
    const error: unknown = await world.trips
      .book(async () => {
        await book({ rooms: ['suite'] });
        throw new Error('rain');
      })
      .catch((thrown: unknown) => thrown);

    const { gid = '', outcome } = outcomeOfError(error) ?? {};
    await world.untilLines(gid, 'suite released');
    expect(outcome).toBe('aborted');
  });

  test('is off the list when its handler throws: what that has held is undone at the deadline, and the rest is kept', async () => {
    let error: unknown;

    const gid = await world.lead('10s', async () => {
      error = await book({ rooms: ['garage'], calledOff: 'no car' }).catch((thrown: unknown) => thrown);
      await book({ rooms: ['suite'] });
    });

    const { branches } = await world.coordinator.client.get(gid);
    await world.untilLines(gid, 'garage released', 'suite sold');
    expect(error).toMatchObject({ message: 'no car' });
    expect(branches.map(({ branchId }) => branchId)).toEqual([expect.stringMatching(/^2~/u)]);
  });

  test('is read as it was meant by a receiver without Atone, and its context stands in the headers', async () => {
    const payload = { sku: 'lamp', count: 2, '': null };
    const echoes: Echo[] = [];

    await world.trips.book(async () => {
      echoes.push(await world.ask(TOPICS.echo, payload));
      echoes.push(await world.ask(TOPICS.echo, { key: 'customer 7', value: payload, headers: { own: '1' } }));
    });

    expect(echoes).toEqual([
      { payload, keyed: null, headers: expect.arrayContaining(['atone-gid']) },
      { payload, keyed: 'customer 7', headers: expect.arrayContaining(['atone-gid', 'own']) },
    ]);
  });

  test('carries nothing outside of one', async () => {
    const { headers } = await world.ask<Echo>(TOPICS.echo, { sku: 'lamp' });

    expect(headers.filter((name) => name.startsWith('atone'))).toEqual([]);
  });
}
