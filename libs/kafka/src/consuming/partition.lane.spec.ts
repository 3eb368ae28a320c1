import { describe, expect, test } from '@jest/globals';
import type { ReceivedRecord } from '../kafka.port.js';
import { Door } from '../testing/kafka.reader.js';
import { PartitionLane } from './partition.lane.js';
import { Pauses } from './pause.js';

const PLACE = { topic: 'orders', partition: 0 };

test('a partition takes as many small records as one answer of a broker may bring', async () => {
  const [dealtWith, counts] = [new Door(), [] as number[]];
  const lane = new PartitionLane(PLACE, {
    recordCountMax: 200_000,
    parallelBatchMax: 1,
    onBatch: async ({ records }) => {
      counts.push(records.length);
      dealtWith.open();
    },
    onTrouble: () => undefined,
    onProgress: () => undefined,
    pauses: new Pauses(),
  });

  lane.push(Array.from({ length: 200_000 }, (_, offset) => received(offset)));

  await dealtWith.passage;
  expect(counts).toEqual([200_000]);
});

describe('several batches of a partition at the same time', () => {
  test('begin in order, and only what has nothing undone before it is told', async () => {
    const scene = laneScene({ recordCountMax: 10, parallelBatchMax: 3 });

    await scene.pushEach(0, 1, 2, 3);

    expect(scene.begun).toEqual([0, 1, 2]);
    await scene.end(1);
    expect([scene.begun, scene.progress]).toEqual([[0, 1, 2, 3], []]);
    await scene.end(0);
    expect(scene.progress).toEqual([2n]);
    await scene.end(3);
    await scene.end(2);
    expect(scene.progress).toEqual([2n, 4n]);
  });

  test('have no more records together than one batch may have', async () => {
    const scene = laneScene({ recordCountMax: 2, parallelBatchMax: 8 });

    await scene.pushEach(0, 1, 2);

    expect(scene.begun).toEqual([0, 1]);
    await scene.end(0);
    expect(scene.begun).toEqual([0, 1, 2]);
  });

  test('wait after a rebalance until those of before have ended', async () => {
    const scene = laneScene({ recordCountMax: 10, parallelBatchMax: 2 });
    await scene.pushEach(0);

    scene.lane.restart();
    await scene.pushEach(0);

    expect(scene.begun).toEqual([0]);
    await scene.end(0);
    expect([scene.begun, scene.progress]).toEqual([[0, 0], []]);
  });

  test('come again by themselves when they are rejected, and hold back what is told', async () => {
    const scene = laneScene({ recordCountMax: 10, parallelBatchMax: 2 });
    scene.pauses.end();
    await scene.pushEach(0, 1);

    await scene.reject(0);
    await scene.end(1);

    expect([scene.begun, scene.progress]).toEqual([[0, 1, 0], []]);
    await scene.end(0);
    expect(scene.progress).toEqual([2n]);
  });
});

/** A lane whose batches of one record each end when the test says so. */
function laneScene(limits: { readonly recordCountMax: number; readonly parallelBatchMax: number }) {
  const [begun, progress, pauses] = [[] as number[], [] as bigint[], new Pauses()];
  const open = new Map<number, { end: () => void; reject: (error: Error) => void }>();
  const lane = new PartitionLane(PLACE, {
    ...limits,
    onBatch: async ({ records }) => {
      const offset = Number(records[0]?.offset);
      begun.push(offset);
      await new Promise<void>((end, reject) => {
        open.set(offset, { end, reject });
      });
    },
    onTrouble: () => undefined,
    onProgress: ({ offset }) => void progress.push(offset),
    pauses,
  });
  return {
    lane,
    begun,
    progress,
    pauses,
    pushEach: async (...offsets: readonly number[]) => {
      for (const offset of offsets) {
        lane.push([received(offset)]);
        // oxlint-disable-next-line no-await-in-loop -- so that each is a batch of its own
        await nextTurn();
      }
    },
    end: async (offset: number) => {
      open.get(offset)?.end();
      await nextTurn();
    },
    reject: async (offset: number) => {
      open.get(offset)?.reject(new Error('not now'));
      await nextTurn();
    },
  };
}

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function received(offset: number): ReceivedRecord {
  return { ...PLACE, offset: BigInt(offset), key: 'k', value: 'v', headers: {}, timestamp: 0 };
}
