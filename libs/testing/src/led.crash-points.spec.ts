import { ENGINE_FAILPOINTS } from '@atone/engine/testing';
import { RefusedError } from '@atone/participant';
import { PARTICIPANT_FAILPOINTS } from '@atone/participant/testing';
import { beforeEach, expect, test } from '@jest/globals';
import {
  createTestingCoordinator,
  CrashPointsError,
  type FinishedRun,
  type TestingCoordinator,
} from './index.js';
import { LedWorld, type ServiceChange } from './testing/led.world.js';
import { withoutBarrier } from './testing/without.barrier.js';

let atone: TestingCoordinator;
let world: LedWorld;

beforeEach(() => {
  atone = createTestingCoordinator();
  world = new LedWorld(atone);
});

function book(run: number): Promise<unknown> {
  return world.book(`trip-${run}`);
}

/** A trip is booked, with its miles spent; or there is nothing left of it. */
function isWhole({ run }: FinishedRun): void {
  const { hotels, miles } = world.entriesOf(`trip-${run}`);
  const count = (what: string): number => [...hotels, ...miles].filter((entry) => entry === what).length;
  const bookedCount = count('booked');
  const open = { held: count('held') - count('released'), spent: count('spent') - count('given back') };

  expect({ bookedCount, ...open }).toEqual({
    bookedCount: Math.min(bookedCount, 1),
    held: bookedCount,
    spent: bookedCount,
  });
}

/** Returns at which places those who take part in a led transaction were never made to crash. */
function placesMissedBy(points: readonly string[]): readonly string[] {
  const ofEngine = ENGINE_FAILPOINTS.filter((place) => /^engine\.(?:decide|doubt)\./u.test(place));
  return [...ofEngine, ...PARTICIPANT_FAILPOINTS].filter(
    (place) => !points.some((point) => point.includes(place)),
  );
}

async function failedPoints(change: ServiceChange): Promise<readonly string[]> {
  world.open(change);
  const error = await atone.everyCrashPoint(book, isWhole).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof CrashPointsError ? error.failures.map(({ point }) => point) : [String(error)];
}

test('a trip is booked or not, whatever crashes, gets lost, or comes twice or late', async () => {
  const { points, runCount } = await atone.everyCrashPoint(book, isWhole);

  // One that is undisturbed, and one whose initiator dies: they tell which points there are.
  expect(runCount).toBe(points.length + 2);
  expect(placesMissedBy(points)).toEqual(['participant.removal.beforeCommit']);
  expect(points.join('\n')).toMatchInlineSnapshot(`
   "initiator crashes before call of hotels.hold (1) #1
   initiator crashes after call of hotels.hold (1) #1
   call of hotels.hold (1) is lost #1
   call of hotels.hold (1) comes twice #1
   call of hotels.hold (1) comes late #1
   call of hotels.hold (1) comes after its undo #1
   hotels crashes at participant.action.beforeRow of hotels.hold (1) #1
   hotels crashes at participant.action.beforeCode of hotels.hold (1) #1
   hotels.hold (1) refuses #1
   hotels crashes at participant.action.beforeCommit of hotels.hold (1) #1
   hotels crashes at participant.action.beforeReply of hotels.hold (1) #1
   reply to call of hotels.hold (1) is lost #1
   initiator crashes before call of miles.spend (2) #1
   initiator crashes after call of miles.spend (2) #1
   call of miles.spend (2) is lost #1
   call of miles.spend (2) comes twice #1
   call of miles.spend (2) comes late #1
   call of miles.spend (2) comes after its undo #1
   miles crashes at participant.action.beforeRow of miles.spend (2) #1
   miles crashes at participant.action.beforeCode of miles.spend (2) #1
   miles.spend (2) refuses #1
   miles crashes at participant.action.beforeCommit of miles.spend (2) #1
   miles crashes at participant.action.beforeReply of miles.spend (2) #1
   reply to call of miles.spend (2) is lost #1
   commit of book-trip is lost #1
   answer to commit of book-trip is lost #1
   commit of book-trip comes twice #1
   initiator crashes, and commit of book-trip comes late #1
   initiator crashes before commit of book-trip #1
   initiator crashes after commit of book-trip #1
   coordinator crashes at engine.decide.beforeWrite #1
   coordinator crashes at engine.decide.afterWrite #1
   coordinator crashes before sending confirm of hotels.hold (1) #1
   coordinator crashes after sending confirm of hotels.hold (1) #1
   confirm of hotels.hold (1) is lost #1
   confirm of hotels.hold (1) comes twice #1
   confirm of hotels.hold (1) comes late #1
   hotels crashes at participant.confirm.beforeRow of hotels.hold (1) #1
   coordinator crashes before sending confirm of miles.spend (2) #1
   coordinator crashes after sending confirm of miles.spend (2) #1
   confirm of miles.spend (2) is lost #1
   confirm of miles.spend (2) comes twice #1
   confirm of miles.spend (2) comes late #1
   miles crashes at participant.confirm.beforeRow of miles.spend (2) #1
   hotels crashes at participant.confirm.beforeCode of hotels.hold (1) #1
   confirm of hotels.hold (1) fails #1
   miles crashes at participant.confirm.beforeCode of miles.spend (2) #1
   miles crashes at participant.confirm.beforeCommit of miles.spend (2) #1
   hotels crashes at participant.confirm.beforeCommit of hotels.hold (1) #1
   miles crashes at participant.confirm.beforeReply of miles.spend (2) #1
   hotels crashes at participant.confirm.beforeReply of hotels.hold (1) #1
   reply to confirm of hotels.hold (1) is lost #1
   reply to confirm of hotels.hold (1) comes twice #1
   reply to confirm of hotels.hold (1) comes late #1
   reply to confirm of miles.spend (2) is lost #1
   reply to confirm of miles.spend (2) comes twice #1
   reply to confirm of miles.spend (2) comes late #1
   coordinator crashes at engine.end.beforeWrite #1
   coordinator crashes at engine.end.afterWrite #1
   initiator crashes, and hotels crashes at participant.doubt.beforeAsk #1
   initiator crashes, and question of hotels is lost #1
   initiator crashes, and answer to question of hotels is lost #1
   initiator crashes, and question of hotels comes twice #1
   initiator crashes, and coordinator crashes at engine.doubt.beforeWrite #1
   initiator crashes, and coordinator crashes at engine.doubt.afterWrite #1
   initiator crashes, and hotels crashes at participant.doubt.afterVerdict #1
   initiator crashes, and hotels crashes at participant.compensate.beforeRow of hotels.hold (1) #1
   initiator crashes, and hotels crashes at participant.compensate.beforeCode of hotels.hold (1) #1
   initiator crashes, and hotels crashes at participant.compensate.beforeCommit of hotels.hold (1) #1
   initiator crashes, and hotels crashes at participant.compensate.beforeReply of hotels.hold (1) #1
   initiator crashes, and miles crashes at participant.doubt.beforeAsk #1
   initiator crashes, and question of miles is lost #1
   initiator crashes, and answer to question of miles is lost #1
   initiator crashes, and question of miles comes twice #1
   initiator crashes, and miles crashes at participant.doubt.afterVerdict #1
   initiator crashes, and miles crashes at participant.compensate.beforeRow of miles.spend (2) #1
   initiator crashes, and miles crashes at participant.compensate.beforeCode of miles.spend (2) #1
   initiator crashes, and miles crashes at participant.compensate.beforeCommit of miles.spend (2) #1
   initiator crashes, and miles crashes at participant.compensate.beforeReply of miles.spend (2) #1"
  `);
});

test('a cancel that does nothing is found', async () => {
  const points = await failedPoints({ hold: { compensate: async () => undefined } });

  expect(points).toContain('miles.spend (2) refuses #1');
});

test('a confirm that leaves its effect past its transaction is found', async () => {
  const points = await failedPoints({
    hold: {
      confirm: ({ input }) =>
        world.hotels
          .connect()
          .transaction(async ({ transaction }) =>
            transaction.record({ what: 'booked', trip: (input as { trip: string }).trip }),
          ),
    },
  });

  expect(points).toContain('hotels crashes at participant.confirm.beforeCommit of hotels.hold (1) #1');
});

test('a confirm that may refuse is found', async () => {
  let confirmCount = 0;
  const points = await failedPoints({
    hold: {
      confirm: async () => {
        confirmCount += 1;
        throw new RefusedError('the room is gone');
      },
    },
  });

  expect(confirmCount).toBe(1);
  expect(points).toEqual([expect.stringContaining('is stuck at 1')]);
});

/** Goes on as if nothing had happened where the miles are refused. */
function bookCarelessly(run: number): Promise<unknown> {
  return world.transactions.run({ name: 'careless' }, async () => {
    await world.hotelClient.hold({ trip: `trip-${run}`, nights: 1 });
    await world.milesClient.spend({ trip: `trip-${run}` }).catch(() => undefined);
  });
}

test('a cancel that refuses who is in doubt is found, though no transaction is stuck', async () => {
  world.open({ hold: { compensate: () => Promise.reject(new RefusedError('it is too late')) } });

  const visiting = atone.everyCrashPoint(book, () => true, {
    only: 'initiator crashes before commit of book-trip #1',
  });

  await expect(visiting).rejects.toThrow('A branch in doubt could not be ended: 1 of hotels: it is too late');
});

test('a service that has forgotten its barrier is found', async () => {
  const input = { trip: 'of nobody', nights: 1 };
  const points = await failedPoints({ barrier: (database) => withoutBarrier(database, input) });

  expect(points).toEqual(
    expect.arrayContaining([
      'call of hotels.hold (1) comes twice #1',
      'confirm of hotels.hold (1) comes twice #1',
    ]),
  );
});

test('who swallows the error of a call and commits the rest is found', async () => {
  const visiting = atone.everyCrashPoint(bookCarelessly, isWhole, { only: /refuses/u });

  await expect(visiting).rejects.toMatchObject({
    failures: [{ point: 'miles.spend (2) refuses #1' }],
  });
});
