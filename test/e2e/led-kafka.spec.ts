import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '@atone/engine/testing';
import { MemoryKafka, type MemoryClient } from '@atone/kafka/testing';
import { KafkaTrips, TOO_DEAR, type Desk } from '../harness/kafka.trips.js';

const PASS_MS = 10;
const TRIP_COUNT = 20;

let clock: ManualClock;
let kafka: MemoryKafka;
let trips: KafkaTrips<MemoryClient>;

beforeEach(async () => {
  clock = new ManualClock();
  kafka = new MemoryKafka({ clock });
  trips = await new KafkaTrips({ clock, connect: () => kafka.client(), pass, prefix: 'atone' }).open({
    instanceCount: 2,
  });
});

afterEach(() => {
  kafka.faults = {};
  return trips.end();
});

/** Time goes on when a test waits. */
async function pass(): Promise<void> {
  await clock.advance(PASS_MS);
}

async function bookMany(desks: readonly Desk<MemoryClient>[], count = TRIP_COUNT): Promise<boolean[]> {
  const bookings = Array.from({ length: count }, async (_, index) => {
    const desk = desks[index % desks.length];
    return desk !== undefined && trips.book(desk);
  });
  return trips.through(Promise.all(bookings));
}

function kept(ends: readonly string[]): number {
  return ends.filter((end) => end === 'kept').length;
}

function isWhole(ends: readonly string[]): boolean {
  return ends.every((end) => end === 'kept' || end === 'undone');
}

describe('a led transaction whose tries, confirms and cancels go over Kafka', () => {
  test('is kept as a whole, and so is what a handler has called further below', async () => {
    const desk = await trips.desk();

    const isKept = await trips.through(trips.book(desk));

    await trips.settled();
    expect(isKept).toBe(true);
    expect([...trips.effects().values()]).toEqual([{ hotel: ['held', 'sold'], bank: ['held', 'sold'] }]);
  });

  test('is undone where a service two below refuses', async () => {
    const desk = await trips.desk();

    const isKept = await trips.through(trips.book(desk, TOO_DEAR));

    expect(isKept).toBe(false);
    expect(await trips.settled()).toEqual([]);
  });

  test('is undone when its method throws', async () => {
    const { transactions, hotel } = await trips.desk();
    const rained = transactions.run({ name: 'book-trip' }, async () => {
      await hotel.hold({ cents: 1 });
      throw new Error('rain');
    });

    await trips.through(rained.catch(() => undefined));

    await trips.settled();
    expect([...trips.effects().values()]).toEqual([
      { hotel: ['held', 'released'], bank: ['held', 'released'] },
    ]);
  });

  test('S4: is done once by a handler that takes longer than an attempt waits', async () => {
    const desk = await trips.desk();
    trips.hotelMs = 6_000;

    const isKept = await trips.through(trips.book(desk));

    await trips.settled();
    expect(isKept).toBe(true);
    expect(kafka.records('atone.commands.hotel').length).toBeGreaterThan(2);
    expect([...trips.effects().values()]).toEqual([{ hotel: ['held', 'sold'], bank: ['held', 'sold'] }]);
  });

  test('is answered at home, whichever instance leads it', async () => {
    const desks = [await trips.desk(), await trips.desk()];
    await trips.until(() => desks.every(({ calls }) => calls.isReady));

    const booked = await bookMany(desks);

    expect(booked).toEqual(booked.map(() => true));
    expect(await trips.settled()).toEqual(booked.map(() => 'kept'));
    expect(desks.map(({ calls }) => calls.counts.passedOver)).toEqual([0, 0]);
  });
});

describe('TC1: led transactions over Kafka are all or nothing', () => {
  test('when partitions change hands all the time', async () => {
    const desks = [await trips.desk(), await trips.desk()];
    kafka.faults = { delayMs: () => 20 };
    const booking = bookMany(desks);

    for (let count = 0; count < 10; count += 1) {
      ['replies.trips', 'replies.hotel', 'hotel', 'bank', 'coordinators'].forEach((group) =>
        kafka.rebalance(`atone.${group}`),
      );
      // oxlint-disable-next-line no-await-in-loop -- one after the other.
      await pass();
    }

    const booked = await booking;
    const ends = await trips.settled();
    expect(isWhole(ends)).toBe(true);
    expect(booked).toEqual(booked.map(() => true));
    expect(kept(ends)).toBe(TRIP_COUNT);
  });

  test('when records are lost, and some come twice', async () => {
    const desks = [await trips.desk()];
    let count = 0;
    kafka.faults = {
      record: () => {
        count += 1;
        return count % 4 === 0 ? 'lost' : count % 3 === 0 ? 'twice' : 'stored';
      },
    };

    const booked = await bookMany(desks, 6);

    const ends = await trips.settled();
    expect(isWhole(ends)).toBe(true);
    expect(kept(ends)).toBe(booked.filter(Boolean).length);
  });

  test('when the brokers are away for longer than anybody waits', async () => {
    const desks = [await trips.desk()];
    kafka.faults = { delayMs: () => 20 };
    const booking = bookMany(desks, 5);
    await pass();
    await pass();
    kafka.faults = { request: () => 'unreachable' };
    await clock.advance(45_000);

    kafka.faults = {};

    const booked = await booking;
    const ends = await trips.settled();
    expect(isWhole(ends)).toBe(true);
    expect(kept(ends)).toBe(booked.filter(Boolean).length);
  });

  test('TC4: when who leads them dies, and the services have to ask', async () => {
    const [dying, living] = [await trips.desk(), await trips.desk()];
    kafka.faults = { delayMs: () => 30 };
    void Promise.all(Array.from({ length: 5 }, async () => trips.book(dying)));
    const booking = bookMany([living], 5);
    await trips.until(() => trips.effects().size > 0);

    dying.client.kill();
    dying.die();

    const booked = await booking;
    await clock.advance(60_000);
    const ends = await trips.settled();
    expect(isWhole(ends)).toBe(true);
    expect([kept(ends), ends.length]).toEqual([booked.filter(Boolean).length, 10]);
  });
});
