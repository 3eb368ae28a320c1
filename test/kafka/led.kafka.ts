import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KafkaClient } from '@atone/kafka';
import { KafkaTrips, TOO_DEAR } from '../harness/kafka.trips.js';
import { LIBRARIES } from './kafka.worlds.js';
import { realScene } from './real.scene.js';

describe.each(LIBRARIES)('led transactions over real brokers, by $name,', (library) => {
  let trips: KafkaTrips<KafkaClient>;

  beforeEach(async () => {
    trips = await new KafkaTrips(realScene(library)).open({ instanceCount: 1 });
  });

  afterEach(() => trips.end());

  test('are kept as a whole, tries and confirms, and answered at home while another instance comes', async () => {
    const first = await trips.desk();
    const early = Array.from({ length: 10 }, async () => trips.book(first));
    const second = await trips.desk();
    const late = Array.from({ length: 10 }, async (_, index) => trips.book(index % 2 === 0 ? first : second));

    const booked = await Promise.all([...early, ...late]);

    const ends = await trips.settled();
    expect(booked).toEqual(booked.map(() => true));
    expect(ends).toEqual(booked.map(() => 'kept'));
  });

  test('are undone where a service two below refuses, and where their method throws', async () => {
    const desk = await trips.desk();
    const { transactions, hotel } = desk;

    const isKept = await trips.book(desk, TOO_DEAR);
    const rained = transactions.run({ name: 'book-trip' }, async () => {
      await hotel.hold({ cents: 1 });
      throw new Error('rain');
    });

    await expect(rained).rejects.toThrow('rain');
    expect([isKept, await trips.settled()]).toEqual([false, ['undone']]);
  });
});
