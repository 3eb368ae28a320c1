import { expect, test } from '@jest/globals';
import type { ReceivedRecord } from '../kafka.port.js';
import { Door } from '../testing/kafka.reader.js';
import { PartitionLane } from './partition.lane.js';
import { Pauses } from './pause.js';

const PLACE = { topic: 'orders', partition: 0 };

test('a partition takes as many small records as one answer of a broker may bring', async () => {
  const [dealtWith, counts] = [new Door(), [] as number[]];
  const lane = new PartitionLane(PLACE, {
    recordCountMax: 200_000,
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

function received(offset: number): ReceivedRecord {
  return { ...PLACE, offset: BigInt(offset), key: 'k', value: 'v', headers: {}, timestamp: 0 };
}
