import { Bench, record } from '@atone/kafka/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until.js';
import { testBrokers, TestKafka } from './kafka.client.js';
import { LIBRARIES, worldOf } from './kafka.worlds.js';

describe.each(LIBRARIES)('through $name, a topic that changes while its senders know it', (library) => {
  const kafka = new TestKafka(testBrokers());
  const bench = new Bench(async () => worldOf(library, testBrokers()));

  beforeAll(async () => bench.open());
  afterEach(async () => bench.tidy());
  afterAll(async () => bench.close());

  test('is refused when it was deleted, and harms no other topic', async () => {
    const [deleted, other, client] = [await bench.topic(2), await bench.topic(1), bench.connect()];
    await client.send([record(deleted, 'a', 'one'), record(other, 'a', 'one')]);
    await kafka.deleteTopic(deleted);

    // That there is a new topic has clients ask about all that they know.
    const added = await bench.topic(1);
    const lost = client.send([record(deleted, 'a', 'two')]);
    const sending = client.send([record(other, 'a', 'two'), record(added, 'a', 'two')]);

    await expect(lost).rejects.toMatchObject({ failure: 'no-topic', records: [{ topic: deleted }] });
    await sending;
    await client.send([record(other, 'a', 'three'), record(added, 'a', 'three')]);
    expect(new Set(await bench.valuesOf(other, 3))).toEqual(new Set(['one', 'two', 'three']));
    expect(new Set(await bench.valuesOf(added, 2))).toEqual(new Set(['two', 'three']));
  });

  test('takes records again when it was deleted and created anew', async () => {
    const [topic, client] = [await bench.topic(1), bench.connect()];
    await client.send([record(topic, 'a', 'one')]);
    await kafka.deleteTopic(topic);
    const lost = client.send([record(topic, 'a', 'two')]);
    await expect(lost).rejects.toMatchObject({ failure: 'no-topic' });

    await client.createTopics([{ name: topic, partitionCount: 1, replicationFactor: 1 }]);

    await client.send([record(topic, 'a', 'three')]);
    expect(await bench.valuesOf(topic, 1)).toEqual(['three']);
  });

  test('takes records in the partitions that were added to it', async () => {
    const [topic, client] = [await bench.topic(1), bench.connect()];
    await client.send([record(topic, 'a', 'before')]);
    await kafka.addPartitions(topic, 3);
    await until('there are three', async () => (await client.partitionCounts([topic])).get(topic) === 3);

    await client.send(
      [0, 1, 2].map((partition) => ({ ...record(topic, 'a', `in ${partition}`), partition })),
    );

    const reader = await bench.join({ topics: [topic] });
    await reader.until(({ values }) => ['in 0', 'in 1', 'in 2'].every((value) => values.includes(value)));
    expect(
      reader.records
        .filter(({ value }) => value !== 'before')
        .every(({ partition, value }) => value === `in ${partition}`),
    ).toBe(true);
  });
});
