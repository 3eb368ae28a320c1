import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { KafkaWorld, PARTITION_COUNT } from './testing/kafka.world.js';

let world: KafkaWorld;

beforeEach(async () => {
  world = await new KafkaWorld().open();
});

afterEach(() => world.end());

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test('the topics that all coordinators share are created if they are missing, and left as they are if not', async () => {
  const transport = world.transport({
    prefix: 'other',
    createTopics: { partitionCount: 3, replicationFactor: 1 },
  });
  await world.kafka.client().createTopics([{ name: 'other.dead', partitionCount: 1, replicationFactor: 1 }]);

  await transport.start();

  await until(() => transport.partitions.length === 3);
  expect(['other.replies', 'other.dead'].map((topic) => world.kafka.partitionCount(topic))).toEqual([3, 1]);
});

test('a coordinator does not start where its topics may not be created, and tells what to run', async () => {
  const transport = world.transport({
    prefix: 'other',
    createTopics: { partitionCount: 3, replicationFactor: 100 },
  });

  await expect(transport.start()).rejects.toMatchObject({
    code: 'KAFKA_TOPIC',
    message: expect.stringContaining('other.replies'),
  });
});

test('whoever asks is told which partitions of the replies are read here, and that none are when it leaves', async () => {
  const told: (readonly number[])[] = [];
  const transport = world.transport({ onAssignment: (partitions) => void told.push(partitions) });
  await transport.start();
  await until(() => transport.partitions.length > 0);

  await transport.close();

  expect(told.map(({ length }) => length)).toEqual([PARTITION_COUNT, 0]);
});

test('a coordinator that could not begin may begin later, when its topics can be created', async () => {
  const createTopics = { partitionCount: 2, replicationFactor: 100 };
  const transport = world.transport({ prefix: 'other', createTopics });
  await transport.start().catch(() => undefined);
  const topics = ['other.replies', 'other.dead'].map((name) => ({
    name,
    partitionCount: 2,
    replicationFactor: 1,
  }));
  await world.kafka.client().createTopics(topics);

  await transport.start();

  await until(() => transport.partitions.length === 2);
  expect(transport.partitions).toEqual([0, 1]);
});
