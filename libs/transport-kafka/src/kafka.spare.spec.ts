import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { KafkaWorld, PARTITION_COUNT } from './testing/kafka.world.js';

let world: KafkaWorld;

beforeEach(async () => {
  world = await new KafkaWorld().open();
});

afterEach(async () => {
  await world.end();
});

test('of more transports than partitions some are spare, until one of the others leaves', async () => {
  const told: boolean[] = [];
  const readers = Array.from({ length: PARTITION_COUNT }, () => world.transport());
  const last = world.transport({ onSpare: (isSpare) => told.push(isSpare) });
  for (const transport of [...readers, last]) {
    // oxlint-disable-next-line no-await-in-loop -- the last one comes last
    await transport.start();
  }
  await world.clock.advance(10_000);
  const before = [...readers, last].map(({ isSpare }) => isSpare);

  await readers[0]?.close();

  expect(before).toEqual([...readers.map(() => false), true]);
  expect([last.isSpare, last.partitions.length]).toEqual([false, 1]);
  expect(told).toEqual([true, false]);
});
