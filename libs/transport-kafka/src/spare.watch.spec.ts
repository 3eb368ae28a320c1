import { ManualClock } from '@atone/engine/testing';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { SpareWatch } from './spare.watch.js';

describe('a member of the group', () => {
  let clock: ManualClock;
  let told: boolean[];
  let watch: SpareWatch;

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    watch = new SpareWatch(clock, (isSpare) => told.push(isSpare));
  });

  test('is spare when it has had no partition for ten seconds', async () => {
    watch.belongs(true);

    await clock.advance(9_999);
    const before = watch.isSpare;
    await clock.advance(1);

    expect([before, watch.isSpare]).toEqual([false, true]);
  });

  test('is not while partitions change hands', async () => {
    watch.belongs(true);
    watch.holds(2);
    await clock.advance(60_000);
    watch.holds(0);
    await clock.advance(9_000);
    watch.holds(1);
    await clock.advance(60_000);

    expect(told).toEqual([]);
  });

  test('is not where the brokers are away: then nobody reads anything', async () => {
    watch.belongs(true);
    await clock.advance(5_000);

    watch.belongs(false);
    await clock.advance(60_000);

    expect(told).toEqual([]);
  });

  test('is no more as soon as it has a partition', async () => {
    watch.belongs(true);
    await clock.advance(10_000);

    watch.holds(1);

    expect(told).toEqual([true, false]);
  });

  test('is no more when it has left the group for long, and not when it comes back soon', async () => {
    watch.belongs(true);
    await clock.advance(10_000);
    watch.belongs(false);
    await clock.advance(9_000);
    watch.belongs(true);
    await clock.advance(60_000);
    const before = [...told];

    watch.belongs(false);
    await clock.advance(10_000);

    expect([before, told]).toEqual([[true], [true, false]]);
  });

  test('changes no more after the end', async () => {
    watch.belongs(true);

    watch.end();
    watch.belongs(false);
    watch.belongs(true);
    await clock.advance(60_000);

    expect(told).toEqual([]);
  });
});
