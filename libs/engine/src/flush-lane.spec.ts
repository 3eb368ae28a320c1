import { beforeEach, describe, expect, test } from '@jest/globals';
import { FlushLane } from './flush-lane.js';
import { ManualClock } from './testing/index.js';

let clock: ManualClock;
let crowd: number;
let batches: number[][];
let finish: (() => void)[];

beforeEach(() => {
  clock = new ManualClock();
  crowd = 1;
  batches = [];
  finish = [];
});

function laneOf(): FlushLane<number, number> {
  return new FlushLane(flushTenfold, { clock, countMax: 3, lagMs: 100, crowd: () => crowd });
}

/** Returns a lane of which nobody knows who may come. */
function openLane(): FlushLane<number, number> {
  return new FlushLane(flushTenfold, { clock, countMax: 10, lagMs: 100 });
}

/** Has three come together, and their flushes end. */
async function addTogether(lane: FlushLane<number, number>): Promise<void> {
  void lane.add(1);
  await clock.advance(0);
  void lane.add(2);
  void lane.add(3);
  finish.shift()?.();
  await clock.advance(20);
  finish.shift()?.();
  await clock.advance(0);
}

test('a single write is flushed at once, without a timer', async () => {
  const answer = laneOf().add(1);
  await clock.advance(0);
  finish.shift()?.();

  expect(await answer).toBe(10);
  expect(batches).toEqual([[1]]);
});

test('what comes while a flush is under way goes into the next one, and each gets its own answer', async () => {
  const lane = laneOf();
  const first = lane.add(1);
  await clock.advance(0);
  const others = [lane.add(2), lane.add(3)];
  await clock.advance(0);
  expect(batches).toEqual([[1]]);

  finish.shift()?.();
  await clock.advance(0);
  finish.shift()?.();

  expect(await Promise.all([first, ...others])).toEqual([10, 20, 30]);
  expect(batches).toEqual([[1], [2, 3]]);
});

test('a flush holds no more than the most it may', async () => {
  const lane = laneOf();
  void lane.add(1);
  await clock.advance(0);
  for (const item of [2, 3, 4, 5]) {
    void lane.add(item);
  }
  finish.shift()?.();
  await clock.advance(0);
  finish.shift()?.();
  await clock.advance(0);

  expect(batches).toEqual([[1], [2, 3, 4], [5]]);
});

test('what nobody waits for goes along with the next that somebody does, or after its lag', async () => {
  const lane = laneOf();
  void lane.add(1, false);
  await clock.advance(99);
  expect(batches).toEqual([]);

  await clock.advance(1);
  expect(batches).toEqual([[1]]);

  finish.shift()?.();
  await clock.advance(0);
  void lane.add(2, false);
  void lane.add(3, true);
  await clock.advance(0);
  expect(batches).toEqual([[1], [2, 3]]);
});

test('what stayed behind is flushed at once when somebody comes to wait for it', async () => {
  const lane = laneOf();
  void lane.add(1, false);
  await clock.advance(10);

  lane.hurry();
  await clock.advance(0);

  expect(batches).toEqual([[1]]);
});

test('in a crowd a flush waits for company, but not for long', async () => {
  const lane = laneOf();
  crowd = 16;
  for (let item = 0; item < 40; item += 1) {
    void lane.add(item);
    finish.shift()?.();
    // oxlint-disable-next-line no-await-in-loop -- one arrives each millisecond.
    await clock.advance(1);
  }
  finish.shift()?.();
  await clock.advance(30);
  const before = batches.length;

  void lane.add(100);
  await clock.advance(1);
  expect(batches.length).toBe(before);

  await clock.advance(20);
  expect(batches.at(-1)).toEqual([100]);
});

describe('where nobody knows who may come', () => {
  test('one writer alone waits for nobody, however fast it comes back', async () => {
    const lane = openLane();

    for (let item = 0; item < 20; item += 1) {
      void lane.add(item);
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what this is about.
      await clock.advance(0);
      expect(batches.at(-1)).toEqual([item]);
      finish.shift()?.();
      // oxlint-disable-next-line no-await-in-loop
      await clock.advance(1);
    }
  });

  test('a flush waits for as many as were together of late, but not for long', async () => {
    const lane = openLane();
    await addTogether(lane);

    void lane.add(100);
    await clock.advance(19);
    expect(batches.at(-1)).not.toContain(100);

    await clock.advance(1);
    expect(batches.at(-1)).toEqual([100]);
  });

  test('a flush goes when all have come that were together of late', async () => {
    const lane = openLane();
    await addTogether(lane);

    void lane.add(100);
    void lane.add(101);
    await clock.advance(0);
    expect(batches.at(-1)).not.toContain(100);
    void lane.add(102);
    await clock.advance(0);

    expect(batches.at(-1)).toEqual([100, 101, 102]);
  });

  test('the first after a pause waits for nobody', async () => {
    const lane = openLane();
    await addTogether(lane);
    await clock.advance(100);

    void lane.add(100);
    await clock.advance(0);

    expect(batches.at(-1)).toEqual([100]);
  });
});

test('a failed flush rejects its items and no others', async () => {
  let isBroken = true;
  const lane = new FlushLane<number, number>(
    async (items) => {
      if (isBroken) {
        throw new Error('no connection');
      }
      return items;
    },
    { clock, countMax: 3, lagMs: 100, crowd: () => 1 },
  );

  await expect(lane.add(1)).rejects.toThrow('no connection');
  isBroken = false;
  expect(await lane.add(2)).toBe(2);
});

async function flushTenfold(items: readonly number[]): Promise<readonly number[]> {
  batches.push([...items]);
  await new Promise<void>((resolve) => {
    finish.push(resolve);
  });
  return items.map((item) => item * 10);
}
