import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { outcomeOfError } from '@atone/nestjs';
import { createGlobalTransactions } from '@atone/participant';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { LedWorld } from '../harness/led.world.js';
import { until } from '../harness/until.js';

const ADAPTERS = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const;

describe.each(ADAPTERS)('a led transaction of NestJS services on %s', (_name, newAdapter) => {
  let world: LedWorld;

  beforeAll(async () => {
    world = await LedWorld.start(newAdapter);
  }, 60_000);

  afterAll(() => world.close());

  test('is committed when its method returns: tries are confirmed, and all is shown', async () => {
    const gid = await world.trips.book(async ({ ownNotes, roomsClient }) => {
      await ownNotes.note({ text: 'to the sea' });
      await roomsClient.hold({ room: 'suite' });
    });

    expect(await world.linesOf(gid)).toEqual(['2 suite sold', '1 to the sea noted']);
    expect(await world.coordinator.client.get(gid)).toMatchObject({
      name: 'book-trip',
      initiator: 'trips',
      outcome: 'committed',
      branches: [
        { branchId: '1', service: 'trips', action: 'note' },
        { branchId: '2', service: 'rooms', action: 'hold' },
      ],
    });
  });

  test('is aborted when its method throws, in its own database as in the others', async () => {
    const error: unknown = await world.trips
      .book(async ({ ownNotes, roomsClient }) => {
        await ownNotes.note({ text: 'to the sea' });
        await roomsClient.hold({ room: 'suite' });
        throw new Error('rain');
      })
      .catch((thrown: unknown) => thrown);

    const { gid = '', outcome } = outcomeOfError(error) ?? {};
    await world.ended(gid);
    expect([(error as Error).message, outcome]).toEqual(['rain', 'aborted']);
    expect(await world.linesOf(gid)).toEqual(['2 suite released', '1 to the sea erased']);
  });

  test('is committed without what was refused, if its method goes on', async () => {
    const reasons: string[] = [];

    const gid = await world.trips.book(async ({ roomsClient }) => {
      await roomsClient.hold({ room: 'full' }).catch((error: Error) => reasons.push(error.message));
      await roomsClient.hold({ room: 'attic' });
    });

    expect(reasons).toEqual(['rooms.hold refused: no room left']);
    expect(await world.linesOf(gid)).toEqual(['2 attic sold']);
  });

  test('leaves out the nested part that threw, and keeps what is apart though it throws itself', async () => {
    let apart = '';
    const error: unknown = await world.trips
      .book(async (outer) => {
        apart = await outer.bookApart(async ({ roomsClient }) => roomsClient.hold({ room: 'garage' }));
        throw new Error('rain');
      })
      .catch((thrown: unknown) => thrown);
    const gid = await world.trips.book(async (outer) => {
      await outer.roomsClient.hold({ room: 'suite' });
      await outer
        .bookPart(async ({ roomsClient }) => {
          await roomsClient.hold({ room: 'garage' });
          throw new Error('no car');
        })
        .catch(() => undefined);
    });

    await world.ended(gid);
    expect((error as Error).message).toBe('rain');
    expect(await world.linesOf(apart)).toEqual(['1 garage sold']);
    expect(await world.linesOf(gid)).toEqual(['1 suite sold', '2 garage released']);
  });

  test('reaches through a plain controller that is called by fetch', async () => {
    let status = 0;

    const gid = await world.trips.book(async () => {
      status = await world.bookParty('suite', 'attic');
    });

    const lines = await world.linesOf(gid);
    expect(status).toBe(201);
    expect(lines.toSorted((left, right) => left.localeCompare(right))).toEqual([
      expect.stringMatching(/^1~[a-z0-9]{4,8}\.1 suite sold$/u),
      expect.stringMatching(/^1~[a-z0-9]{4,8}\.2 attic sold$/u),
    ]);
  });

  test('undoes all below a plain controller that is refused something, and keeps the rest', async () => {
    let status = 0;

    const gid = await world.trips.book(async ({ roomsClient }) => {
      status = await world.bookParty('full');
      await roomsClient.hold({ room: 'suite' });
    });

    expect(status).toBe(409);
    expect(await world.linesOf(gid)).toEqual(['2 suite sold']);
  });

  test('calls again under the same id where an answer was lost, and holds one room', async () => {
    const before = world.proxy.requestCount;
    world.proxy.lose(2);

    const gid = await world.trips.book(async ({ roomsClient }) => roomsClient.hold({ room: 'suite' }));

    expect(world.proxy.requestCount - before).toBe(3);
    expect(await world.linesOf(gid)).toEqual(['1 suite sold']);
  });

  test('gives back what it holds when its initiator never decides', async () => {
    const { client } = world.coordinator;
    const dying = createGlobalTransactions({
      service: 'trips',
      coordinator: {
        logInfo: () => client.logInfo(),
        notices: async () => undefined,
        registerBranches: async () => Promise.reject(new Error('dead')),
        decide: async () => Promise.reject(new Error('dead')),
      },
    });

    const error: unknown = await dying
      .run({ name: 'doomed', timeout: '3s' }, async () => world.trips.roomsClient.hold({ room: 'suite' }))
      .catch((thrown: unknown) => thrown);

    const { gid = '', outcome } = outcomeOfError(error) ?? {};
    const lines = await until('the room is given back', async () => {
      const found = await world.linesOf(gid);
      return found.some((line) => line.includes('released')) && found;
    });
    expect(outcome).toBe('unknown');
    expect(lines).toEqual(['1 suite released']);
    expect(await world.coordinator.client.get(gid)).toMatchObject({ outcome: 'aborted' });
  });
});
